"""Whether a model folder is whole: its files load, fit each other, and hold finite numbers."""

from pathlib import Path

from torch import nn

from gptpath.errors import GptPathError
from gptpath.finetune.folder import Classifier, load_classifier
from gptpath.gate.decision import Check
from gptpath.model.folder import load_model
from gptpath.tokens.encoding import load_encoding

NAME = "soundness"


def check_soundness(folder: Path) -> Check:
    """Load config, weights and tokenizer; a folder that cannot be read is a failed check."""
    try:
        model = load_model(folder)
        vocabulary = load_encoding(folder / "tokenizer").n_vocab
    except GptPathError as error:
        return Check(name=NAME, passed=False, note=str(error))
    if vocabulary > model.config.vocab_size:
        note = f"its tokenizer has {vocabulary} ids, the model only {model.config.vocab_size}"
        return Check(name=NAME, passed=False, note=note)
    return _finite(model)


def check_classifier(folder: Path, *, device: str) -> tuple[Classifier | None, Check]:
    """The classifier of a folder, if it can be read, and whether its weights are finite."""
    try:
        classifier = load_classifier(folder, device=device)
    except GptPathError as error:
        return None, Check(name=NAME, passed=False, note=str(error))
    return classifier, _finite(classifier.model)


def _finite(model: nn.Module) -> Check:
    weights = dict(model.named_parameters())
    broken = sorted(name for name, tensor in weights.items() if not tensor.isfinite().all())
    if broken:
        note = f"weights that are not finite: {', '.join(broken[:5])}; expected finite numbers"
        return Check(name=NAME, passed=False, note=note)
    return Check(name=NAME, passed=True, note=f"{len(weights)} weight tensors, all finite")
