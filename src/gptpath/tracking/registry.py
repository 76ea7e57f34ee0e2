"""Model folders by registry address, fetched as plain files: none of a model's code is run."""

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gptpath.errors import PipelineError
from gptpath.tracking.paging import every
from gptpath.tracking.store import open_client, tracking_uri

KIND = "gptpath.kind"
"""Tag of a version: `language-model` or `classifier`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredVersion:
    """A version of the registry that people may want to use."""

    name: str
    """Registered name, `gptpath-...`."""
    version: str
    aliases: tuple[str, ...]
    classifies: bool
    """Made by fine-tuning: labels texts. Else it continues prompts."""


def registered_models(root: Path) -> list[RegisteredVersion]:
    """Of each of gptpath's registered models the versions with an alias."""
    client = open_client(root)
    found: list[RegisteredVersion] = []
    for model in every(client.search_registered_models, "name LIKE 'gptpath-%'"):
        aliases: dict[str, list[str]] = {}
        for alias, version in sorted(model.aliases.items()):
            aliases.setdefault(str(version), []).append(alias)
        for version, names in aliases.items():
            tags = client.get_model_version(model.name, version).tags
            found.append(
                RegisteredVersion(
                    name=model.name,
                    version=version,
                    aliases=tuple(names),
                    classifies=_classifies(tags),
                )
            )
    return found


def resolve_model(root: Path, uri: str) -> Path:
    """Return a local model folder for `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    The files are kept in the checkout's scratch folder, by MLflow's id of the model. Raises
    PipelineError when the address is malformed or names nothing.
    """
    match = re.fullmatch(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[\w-]+)|/(?P<version>\d+))", uri)
    if match is None:
        raise PipelineError(
            f"{uri!r} is no registry address; expected models:/gptpath-NAME@challenger "
            "or models:/gptpath-NAME/1"
        )
    client = open_client(root)
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    name, alias = match["name"], match["alias"]
    try:
        found = (
            client.get_model_version_by_alias(name, alias)
            if alias
            else client.get_model_version(name, match["version"])
        )
        kept = root / ".scratch" / "registry" / name / (found.model_id or str(found.run_id))
        if not kept.is_dir():
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept.parent) as fresh:
                download_artifacts(artifact_uri=f"models:/{name}/{found.version}", dst_path=fresh)
                _put(Path(fresh) / "artifacts", kept)
    except MlflowException as error:
        known = ", ".join(sorted(model.name for model in every(client.search_registered_models)))
        raise PipelineError(
            f"{uri}: {error.message} in the registry at {tracking_uri(root)}; "
            f"registered: {known or 'nothing'}"
        ) from None
    return kept


def _put(fetched: Path, kept: Path) -> None:
    """Move a fetched model into its place, where another process may have put it meanwhile."""
    try:
        os.replace(fetched, kept)
    except OSError:
        if not kept.is_dir():
            raise


def _classifies(tags: Mapping[str, str]) -> bool:
    """By the version's kind; versions older than that tag by the stage that made them."""
    kind = tags.get(KIND)
    return kind == "classifier" if kind else tags.get("gptpath.stage", "").startswith("finetune")
