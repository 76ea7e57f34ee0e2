"""Finished model folder -> version in MLflow's registry, as pyfunc from code and safetensors."""

import hashlib
import logging
import tempfile
import warnings
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.tracking import MlflowClient

from gptpath import __version__
from gptpath.errors import PipelineError
from gptpath.events import ModelFinished
from gptpath.gate.contenders import folder_of
from gptpath.tracking.card import COMPUTE, PURPOSE, as_description, model_card
from gptpath.tracking.lineage import stage_name
from gptpath.tracking.recorder import StageFacts
from gptpath.tracking.registry import KIND
from gptpath.tracking.signatures import classifier_signature, language_model_signature

PREFIX = "gptpath-"
CHALLENGER = "challenger"
"""Alias of the newest version of a model; the gate decides whether it becomes champion."""
WEIGHTS_MD5 = "gptpath.weights_md5"

REQUIRED = ("torch", "numpy", "tiktoken", "safetensors", "mlflow")

logger = logging.getLogger(__name__)


def register_model(
    client: MlflowClient,
    run_id: str,
    facts: StageFacts,
    model: ModelFinished,
    ledger: Mapping[str, Any],
    *,
    ended: int | None = None,
) -> str:
    """Return the version that holds the model's weights, a new one only if they are new.

    `ended`, in milliseconds since 1970, is when the run of a model ended that could not be
    registered then; versions of later runs stay the challenger.

    Raises PipelineError when the folder is incomplete, MlflowException when the registry refuses.
    """
    check_folder(model)
    name, md5 = PREFIX + model.name, _md5(model.path / "model.safetensors")
    newest = _newest_version(client, name, model.kind)
    if newest is not None and newest.tags.get(WEIGHTS_MD5) == md5:
        logger.info("registry: %s version %s holds these weights", name, newest.version)
        # A try that broke off may have made the version and no more.
        _make_challenger(client, newest, ended)
        return str(newest.version)
    card = model_card(facts, model, ledger)
    logged = _log_model(run_id, model, card)
    created = client.create_model_version(
        name,
        logged.model_uri,
        run_id=run_id,
        tags=_version_tags(facts, model, ledger, md5),
        description=as_description(card),
        model_id=logged.model_id,  # without it a server refuses the source; a database does not
    )
    _make_challenger(client, created, ended)
    return str(created.version)


def _make_challenger(client: MlflowClient, version: ModelVersion, ended: int | None) -> None:
    """Give a version the alias, unless the version that has it is of a run that ended later."""
    name, number = version.name, str(version.version)
    holder = client.get_registered_model(name).aliases.get(CHALLENGER)
    if holder is not None and str(holder) == number:
        return
    if holder is not None and ended is not None and _ended_later(client, name, holder, ended):
        logger.info("registry: %s version %s is older than %s", name, number, holder)
        return
    client.set_registered_model_alias(name, CHALLENGER, number)
    logger.info("registry: %s version %s is %s", name, number, CHALLENGER)


def _ended_later(client: MlflowClient, name: str, version: str, ended: int) -> bool:
    """Whether the run that made a version ended after `ended`, or goes on."""
    run_id = client.get_model_version(name, str(version)).run_id
    try:
        end_time = client.get_run(str(run_id)).info.end_time
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return end_time is None or end_time > ended


def check_folder(model: ModelFinished) -> None:
    """Raise PipelineError when the folder of a finished model is incomplete."""
    for name in ("config.json", "model.safetensors"):
        if not (model.path / name).is_file():
            raise PipelineError(
                f"{model.path} is no finished model folder, it lacks {name}: cannot register it"
            )


def weights_in_checkout(root: Path, model: str) -> Path:
    """Where the weights of a model lie, given its name without `gptpath-`."""
    return folder_of(root, model) / "model.safetensors"


def version_in_checkout(client: MlflowClient, root: Path, model: str) -> ModelVersion | None:
    """The version that holds the weights of a model of the checkout; None without one."""
    weights = weights_in_checkout(root, model)
    return version_with_weights(client, PREFIX + model, weights) if weights.is_file() else None


def version_with_weights(client: MlflowClient, name: str, weights: Path) -> ModelVersion | None:
    """The newest version of a registered model that holds a weights file; None without one."""
    md5 = _md5(weights)
    versions = client.search_model_versions(f"name = '{name}'")
    found = (one for one in versions if one.tags.get(WEIGHTS_MD5) == md5)
    return max(found, key=lambda one: int(one.version), default=None)


def _newest_version(client: MlflowClient, name: str, kind: str) -> ModelVersion | None:
    try:
        client.create_registered_model(name, tags={"kind": kind}, description=PURPOSE[kind])
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{name}'")
    return max(versions, key=lambda one: int(one.version), default=None)


def _log_model(run_id: str, model: ModelFinished, card: str) -> ModelInfo:
    script = (
        "language_model_flavour.py" if model.kind == "language-model" else "classifier_flavour.py"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        mlflow.start_run(run_id=run_id),
    ):
        # MLflow asks for an input example, which would run the model once more.
        warnings.simplefilter("ignore")
        readme = Path(folder) / "README.md"
        readme.write_text(card, encoding="utf-8")
        return mlflow.pyfunc.log_model(
            name=model.name,
            python_model=str(Path(__file__).with_name(script)),
            artifacts={"card": str(readme)} | _artifacts(model.path),
            signature=_signature(model),
            pip_requirements=_requirements(),
        )


def _artifacts(folder: Path) -> dict[str, str]:
    """The files that make the model; its published checkpoints stay with DVC."""
    names = ("config.json", "classifier.json", "model.safetensors", "tokenizer")
    return {name: str(folder / name) for name in names if (folder / name).exists()}


def _requirements() -> list[str]:
    pinned = [f"{name}=={installed_version(name)}" for name in REQUIRED]
    return [f"gptpath=={__version__}", *pinned]


def _signature(model: ModelFinished) -> ModelSignature:
    if model.kind == "language-model":
        return language_model_signature()
    return classifier_signature(model.path)


def _version_tags(
    facts: StageFacts, model: ModelFinished, ledger: Mapping[str, Any], md5: str
) -> dict[str, str]:
    tags = {
        KIND: model.kind,
        "gptpath.stage": stage_name(facts.stage, facts.item),
        "gptpath.profile": facts.profile,
        "gptpath.git_commit": facts.revision.commit,
        "gptpath.git_dirty": str(facts.revision.dirty).lower(),
        WEIGHTS_MD5: md5,
    }
    tags |= {f"gptpath.data.{one.path}": one.md5 for one in facts.inputs}
    tags |= {f"gptpath.ledger.{key}": str(ledger[key]) for key in COMPUTE if key in ledger}
    return tags | {f"gptpath.metric.{key}": str(value) for key, value in model.metrics.items()}


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
