"""Events and finished stages -> MLflow runs, registered models, lineage tags."""
