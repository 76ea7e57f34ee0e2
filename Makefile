# Everything a person types. Each target sets itself up; nothing needs to be started by hand.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run test check gpu-check ui server play clean install dev s3 lock

run: install  ## the whole path at the size of params.yaml (default: laptop)
	$(BIN)/python flows/research_path.py

test: dev  ## all tests that need neither network nor GPU
	$(BIN)/python -m pytest -m "not network and not gpu" tests

check: dev  ## format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

gpu-check:  ## what only a GPU can show, in nine minutes; needs torch and transformers, no install
	PYTHONPATH=src $(PYTHON) -m benchmarks.gpu_check $(GPU_CHECK)

ui: install  ## the MLflow and Prefect pages, until interrupted
	$(BIN)/python -m tasks.pages

server: install  ## the same for deployments and workers; WORKER=1 also deploys and starts a worker
	$(BIN)/python -m tasks.pages $(if $(WORKER),--worker,--server)

play: .venv/.installed-play  ## a page for trying the models in a browser, until interrupted
	$(BIN)/gptpath play

clean:  ## everything that a run has made, and the virtual environment
	rm -rf .venv .interpreter .scratch .prefect mlflow.db mlartifacts models metrics ledger reports \
		data/corpus data/tasks data/tokenizer data/tokens .dvc/cache .dvc/tmp

install: .venv/.installed
dev: .venv/.installed-dev
s3: .venv/.installed-s3  ## what `make install` does, and what a DVC remote on S3 needs

.venv/.created:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) \
		else f"gptpath needs Python 3.11 to 3.13; {sys.executable} is {v[0]}.{v[1]}. Use make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/.installed: .venv/.created pyproject.toml requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	$(BIN)/python -c 'import platform; print(platform.python_version())' > .interpreter
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	touch $@

.venv/.installed-play: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[play]'
	touch $@

.venv/.installed-s3: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[s3]'
	touch $@

lock:  ## renew requirements.lock from pyproject.toml in a scratch environment
	rm -rf .scratch/lock && $(PYTHON) -m venv .scratch/lock
	.scratch/lock/bin/python -m pip install --quiet -e '.[dev]'
	head -n 2 requirements.lock > .scratch/new.lock
	.scratch/lock/bin/python -m pip freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//' >> .scratch/new.lock
	mv .scratch/new.lock requirements.lock
