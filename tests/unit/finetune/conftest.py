import pytest
import tiktoken
import torch

from gptpath.config.finetune import Finetune
from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.model.heads import TaskModel
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, [bytes([byte]) for byte in range(256)], name="bytes")
    return folder


@pytest.fixture(scope="session")
def encoding(tokenizer_folder) -> tiktoken.Encoding:
    return load_encoding(tokenizer_folder)


@pytest.fixture
def config():
    return ModelConfig(
        norm="post", n_layer=2, n_head=2, n_embd=32, context_length=32, vocab_size=257
    )


@pytest.fixture
def task_model(config):
    def make(kind="classification", n_labels=2, seed=3, dropout=0.1):
        return TaskModel(
            build_model(config, seed=1), kind=kind, n_labels=n_labels, dropout=dropout, seed=seed
        )

    return make


@pytest.fixture
def settings():
    return Finetune(
        pretrained="gpt1-laptop",
        lstm="lstm-laptop",
        epochs=3,
        batch_size=8,
        learning_rate=3e-3,
        warmup_fraction=0.1,
    )
