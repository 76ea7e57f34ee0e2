"""How much text a profile will read, as far as it can be known beforehand."""

import json
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from gptpath.config.ingest import HuggingFace, InstalledDocs, SourceSettings
from gptpath.config.params import Params
from gptpath.errors import ConfigError

_BYTES_PER_TOKEN = {2_000: 2.8, 4_000: 3.2, 8_000: 3.6, 16_000: 4.0, 40_000: 4.3}
"""Bytes that a token of a byte-level vocabulary stands for, by size; rough, for English."""
_DOCS_BYTES_PER_PACKAGE = 2_700_000
"""The embedded corpus: 32 MB from 12 packages."""
_UNPACKED = {".gz": 3.0, ".zip": 3.0, ".zst": 3.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Sizes of the text, measured by an earlier run or guessed from the sources."""

    read_bytes: float
    """Text that ingest reads."""
    text_bytes: float
    """Text of the train split."""
    tokens: float
    """Tokens of the train split."""
    validation_tokens: float
    measured: bool
    """True if an earlier run of `encode` counted them."""


def expect_corpus(params: Params, root: Path) -> Corpus:
    """Sizes from metrics/encode.json where a run of this profile left it, else from the sources.

    Raises:
        ConfigError: ingest.raw holds no text, or a source is a data set of the hub.
    """
    ingest = params.ingest
    counted = _counted(
        root / "metrics" / "encode.json", root / "metrics" / "tokenizer.json", params
    )
    if counted is not None and _same_text(root):
        return counted
    read = sum(_source_bytes(source, root / ingest.raw) for source in ingest.sources)
    hub = [s.name for s in ingest.sources if isinstance(s, HuggingFace) and s.dataset is not None]
    if hub:
        raise ConfigError(
            f"how much text {', '.join(hub)} of the hub will yield is not known beforehand; plan "
            "again after `dvc repro encode`, which counts it"
        )
    if read == 0:
        raise ConfigError(
            f"ingest.raw={ingest.raw} holds no text to plan for; put files there, or point to "
            "them with `gptpath profile NAME --set ingest.raw=FOLDER`"
        )
    vocabulary = max(
        (v for v in _BYTES_PER_TOKEN if v <= params.tokenizer.vocab_size), default=2_000
    )
    train = read * (1 - ingest.validation_fraction - ingest.tasks_fraction)
    per_token = _BYTES_PER_TOKEN[vocabulary]
    return Corpus(
        read_bytes=read,
        text_bytes=train,
        tokens=train / per_token,
        validation_tokens=read * ingest.validation_fraction / per_token,
        measured=False,
    )


def _counted(encode: Path, tokenizer: Path, params: Params) -> Corpus | None:
    if not (encode.is_file() and tokenizer.is_file()):
        return None
    vocabulary = json.loads(tokenizer.read_text(encoding="utf-8"))["vocab_size"]
    if vocabulary != params.tokenizer.vocab_size:
        return None  # numbers of another profile
    record = json.loads(encode.read_text(encoding="utf-8"))
    train, validation = record["train"], record["validation"]
    held_out = params.ingest.validation_fraction + params.ingest.tasks_fraction
    return Corpus(
        read_bytes=train["bytes"] / (1 - held_out),
        text_bytes=train["bytes"],
        tokens=train["tokens"],
        validation_tokens=validation["tokens"],
        measured=True,
    )


def _same_text(root: Path) -> bool:
    """Whether DVC's last `ingest` read what params.yaml names; True where nothing tells."""
    lock, params = root / "dvc.lock", root / "params.yaml"
    if not (lock.is_file() and params.is_file()):
        return True
    yaml = YAML(typ="safe", pure=True)
    entry = ((yaml.load(lock) or {}).get("stages") or {}).get("ingest") or {}
    made = entry.get("params", {}).get("params.yaml", {}).get("ingest", {})
    asked = yaml.load(params)["ingest"]
    return all(made[key] == asked.get(key) for key in ("raw", "sources") if key in made)


def _source_bytes(source: SourceSettings, raw: Path) -> float:
    """Text that a source will yield, roughly; nothing for what is yet to be fetched."""
    if isinstance(source, InstalledDocs):
        return float(_DOCS_BYTES_PER_PACKAGE * len(source.packages))
    path: str | None = getattr(source, "path", None)
    return 0.0 if path is None else _unpacked_bytes(raw / path)


def _unpacked_bytes(raw: Path) -> float:
    files = [raw] if raw.is_file() else [path for path in raw.rglob("*") if path.is_file()]
    return float(sum(path.stat().st_size * _UNPACKED.get(path.suffix, 1.0) for path in files))
