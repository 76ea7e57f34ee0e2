"""`gptpath import`: a published model becomes a model folder of ours."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from gptpath.config.model import ModelConfig
from gptpath.errors import CheckpointError, TokenError
from gptpath.exchange.configs import OURS, from_transformers
from gptpath.exchange.gpt1_files import gpt1_folder, read_gpt1_files
from gptpath.exchange.target import whole_folder
from gptpath.exchange.tokenizers import import_tokenizer
from gptpath.exchange.weights import WEIGHTS, read_state
from gptpath.model.build import count_parameters, empty_model
from gptpath.model.folder import load_weights, save_model
from gptpath.model.interop import from_gpt2, from_openai_gpt
from gptpath.tokens.encoding import load_encoding

HUB = {
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
    "openai-gpt": "openai-community/openai-gpt",
}
"""The papers' models on the Hugging Face hub."""

_FILES = ["config.json", WEIGHTS[0], "vocab.json", "merges.txt"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What an import has brought."""

    folder: Path
    source: str
    parameters: int
    vocab_size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A model as its source describes it, in our terms."""

    config: ModelConfig
    state: Mapping[str, Tensor]
    words: str
    step: int


def import_model(
    source: str,
    folder: Path,
    *,
    revision: str | None = None,
    tokenizer: Path | None = None,
    words: str | None = None,
) -> Imported:
    """Write a model folder from a name of HUB, a transformers folder, or OpenAI's files of GPT-1.

    `tokenizer` is a folder of tokenizer files, if they do not lie beside the weights. `words` is
    how GPT-1's tokenizer splits words; None is as its weights were trained, by spaCy, unless an
    exported folder says otherwise.

    Raises:
        CheckpointError: the source is out of reach or no such model, or `folder` is taken.
        TokenError: the tokenizer is missing, cannot be expressed here, or needs a library.
    """
    with whole_folder(folder, advice="remove it or import to another folder") as fresh:
        return _import(source, folder, fresh, revision=revision, tokenizer=tokenizer, words=words)


def _import(
    source: str,
    folder: Path,
    fresh: Path,
    *,
    revision: str | None,
    tokenizer: Path | None,
    words: str | None,
) -> Imported:
    if source in HUB and not Path(source).is_dir():
        place = _download(HUB[source], revision)
        origin = f"{HUB[source]}@{place.name}"  # the hub's cache names a snapshot by its commit
    else:
        place, origin = Path(source), str(source)
        if revision is not None:
            raise CheckpointError(f"--revision {revision} is for the hub's names: {', '.join(HUB)}")
    found = _read(place)
    model = empty_model(found.config)
    load_weights(model, found.state, where=origin)
    with tempfile.TemporaryDirectory() as scratch:
        tokens = Path(scratch) / "tokenizer"
        import_tokenizer(
            tokenizer or gpt1_folder(place) or place,
            tokens,
            name=Path(source).name,
            words=words or found.words,
        )
        encoding = load_encoding(tokens)
        if encoding.n_vocab != found.config.vocab_size:
            raise TokenError(
                f"the tokenizer of {tokenizer or place} has {encoding.n_vocab} ids, the model "
                f"{found.config.vocab_size}; name the right one with --tokenizer"
            )
        save_model(fresh, model, step=found.step, tokenizer_folder=tokens, source=origin)
    return Imported(
        folder=folder,
        source=origin,
        parameters=count_parameters(model),
        vocab_size=found.config.vocab_size,
    )


def _read(place: Path) -> _Found:
    files = gpt1_folder(place)
    if files is not None:
        config, state = read_gpt1_files(files)
        return _Found(config=config, state=state, words="spacy", step=0)
    path = place / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(
            f"{place} cannot be imported: expected one of {', '.join(HUB)}, a folder with "
            "transformers' config.json and weights, or OpenAI's params_shapes.json and params_*.npy"
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from None
    if not isinstance(values, dict) or "model_type" not in values:
        raise CheckpointError(
            f"{path} has no model_type, so it is not transformers'; a folder made by gptpath needs "
            "no import"
        )
    config = from_transformers(values, where=str(path))
    convert = _CONVERT[values["model_type"]]
    state = {name: tensor.float() for name, tensor in convert(read_state(place)).items()}
    ours: dict[str, Any] = values.get(OURS, {})
    return _Found(
        config=config,
        state=state,
        words=ours.get("words") or "spacy",
        step=int(ours.get("step", 0)),
    )


_CONVERT: dict[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {
    "gpt2": from_gpt2,
    "openai-gpt": from_openai_gpt,
}


def _download(repository: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            f"{repository} comes from the Hugging Face hub: `pip install 'gptpath[hub]'`, or give "
            f"a local folder with {', '.join(_FILES)}"
        ) from None
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=_FILES))
    except Exception as error:  # whatever the network and the hub's client raise
        raise CheckpointError(
            f"cannot fetch {repository} at revision {revision or 'main'} from the Hugging Face hub "
            f"({type(error).__name__}: {error}); check the revision and the network, or give a "
            f"local folder with {', '.join(_FILES)}"
        ) from None
