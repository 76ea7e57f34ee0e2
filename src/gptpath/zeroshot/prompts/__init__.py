"""Prompt tasks that ship with the package, one YAML file each; their readers."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from gptpath.config.prompts import PromptTask, prompt_task
from gptpath.errors import ConfigError


def shipped_task(name: str) -> PromptTask:
    """The task of `prompts/NAME.yaml`."""
    text = files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return prompt_task(_parse(text, name), where=name)


def read_task(path: Path) -> PromptTask:
    """A prompt task of one's own; raises ConfigError if the file is missing or no such task."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the prompt task {path} cannot be read: {error}") from None
    return prompt_task(_parse(text, str(path)), where=str(path))


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        values = _load(text)
    except Exception as error:
        raise ConfigError(f"{where} is not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{where} must be a mapping of settings, given {type(values).__name__}")
    return values


def _load(text: str) -> Any:
    try:
        from ruamel.yaml import YAML
    except ImportError:  # a bare machine: transformers brings the other one
        import yaml

        return yaml.safe_load(text)
    return YAML(typ="safe").load(text)
