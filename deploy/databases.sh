#!/bin/sh
# Runs once, in the first start of PostgreSQL: a database and a user each for Prefect and MLflow.
set -eu
for name in prefect mlflow; do
    case "$name" in
        prefect) password="$PREFECT_DB_PASSWORD" ;;
        mlflow) password="$MLFLOW_DB_PASSWORD" ;;
    esac
    psql --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
        --set=name="$name" --set=password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
