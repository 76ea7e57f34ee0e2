"""A checkout with a language model and classifiers in its registry, tiny and untrained."""

from pathlib import Path

import pytest
import torch

from gptpath.config.model import ModelConfig
from gptpath.events import ModelFinished
from gptpath.finetune.folder import save_classifier
from gptpath.model.build import build_model
from gptpath.model.folder import save_model
from gptpath.model.heads import TaskModel
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tracking.mlflow_run import open_run
from gptpath.tracking.recorder import StageFacts
from gptpath.tracking.revision import Revision

CONFIG = ModelConfig(norm="pre", n_layer=1, n_head=1, n_embd=16, context_length=64, vocab_size=257)
FACTS = StageFacts(
    stage="pretrain",
    item="tiny",
    profile="laptop",
    revision=Revision(commit="unknown", dirty=False),
    parameters={},
    inputs=(),
    outs=(),
)
KINDS = {
    "classification": ("numpy", "scipy"),
    "multiple-choice": ("0", "1", "2", "3"),
    "regression": ("0", "1", "2", "3", "4", "5"),
}


def make_registry(root: Path) -> Path:
    """Register `tiny` and one classifier of each kind in KINDS; returns the checkout."""
    torch.set_num_threads(1)
    write_tokenizer(root / "tokenizer", [bytes([n]) for n in range(256)], name="bytes")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        run = open_run(root, FACTS, parent=None, flow_run=None)
        folder = root / "models" / "tiny"
        language_model = build_model(CONFIG, seed=0)
        save_model(folder, language_model, step=1, tokenizer_folder=root / "tokenizer")
        run.register(ModelFinished(name="tiny", path=folder, kind="language-model", metrics={}), {})
        for kind, labels in KINDS.items():
            folder = root / "models" / kind
            head = TaskModel(
                build_model(CONFIG, seed=1), kind=kind, n_labels=len(labels), dropout=0.0, seed=2
            )
            save_classifier(
                folder,
                head,
                labels=list(labels),
                description={},
                step=1,
                tokenizer_folder=root / "tokenizer",
                score_range=(0.0, 5.0) if kind == "regression" else None,
            )
            run.register(ModelFinished(name=kind, path=folder, kind="classifier", metrics={}), {})
        run.finish("FINISHED", {})
    return root
