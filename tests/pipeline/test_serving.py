"""Registered models answer through MLflow: loaded in Python, and served over HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
import torch

from gptpath.config.model import ModelConfig
from gptpath.events import ModelFinished
from gptpath.finetune.folder import load_classifier, save_classifier
from gptpath.model.build import build_model
from gptpath.model.folder import load_model, save_model
from gptpath.model.generation import generate
from gptpath.model.heads import TaskModel
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tracking.mlflow_run import open_run
from gptpath.tracking.recorder import StageFacts
from gptpath.tracking.registry import resolve_model
from gptpath.tracking.revision import Revision
from gptpath.tracking.store import tracking_uri

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "default::DeprecationWarning",
        "default::FutureWarning",
        "default::UserWarning:mlflow",
        "default::ResourceWarning",
    ),
]

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
SAMPLING = {"max_new_tokens": 8, "temperature": 0.7, "top_k": 20, "top_p": 0.95, "seed": 3}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a language model and three classifiers in its registry."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("serving")
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


def load(root: Path, name: str):
    import mlflow

    mlflow.set_tracking_uri(tracking_uri(root))
    return mlflow.pyfunc.load_model(f"models:/gptpath-{name}@challenger")


@pytest.fixture(autouse=True)
def own_store(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'mlflow.db'}")


def test_a_loaded_language_model_continues_prompts_like_the_folder_itself(root: Path) -> None:
    folder = resolve_model(root, "models:/gptpath-tiny@challenger")
    expected = generate(
        load_model(folder), load_encoding(folder / "tokenizer"), ["one ", "two "], **SAMPLING
    )
    served = load(root, "tiny")
    assert served.predict(pd.DataFrame({"prompt": ["one ", "two "]}), params=SAMPLING) == expected


def test_a_loaded_language_model_takes_stop_strings_and_gives_several_samples(root: Path) -> None:
    served, prompts = load(root, "tiny"), pd.DataFrame({"prompt": ["one ", "two "]})
    whole = served.predict(prompts, params=SAMPLING | {"samples": 3})
    assert len(whole) == 6
    assert whole[::3] == served.predict(prompts, params=SAMPLING)
    mark = whole[0][2:4]
    cut = served.predict(prompts, params=SAMPLING | {"stop": [mark]})
    assert cut[0] == whole[0][: whole[0].index(mark)]


def test_a_loaded_classifier_labels_raw_text_like_the_folder_itself(root: Path) -> None:
    rows = [{"text": "an array of numbers"}, {"text": "a signal"}]
    expected = load_classifier(root / "models" / "classification").predict(rows)
    found = load(root, "classification").predict(pd.DataFrame(rows))
    assert found.to_dict(orient="records") == expected
    assert set(found["probabilities"][0]) == {"numpy", "scipy"}


def test_a_loaded_multiple_choice_model_takes_a_list_of_choices(root: Path) -> None:
    rows = [
        {"context": "the array", "choices": ["a", "bb", "ccc", "dddd"]},
        {"context": "the list", "choices": ["a", "bb"], "question": "which?"},
    ]
    expected = load_classifier(root / "models" / "multiple-choice").predict(rows)
    served = load(root, "multiple-choice")
    found = served.predict(pd.DataFrame(rows))
    assert found.to_dict(orient="records") == expected
    assert [len(row) for row in found["probabilities"]] == [4, 2]
    alone = served.predict(pd.DataFrame(rows[:1]))
    pd.testing.assert_frame_equal(alone, found[:1])


def test_a_loaded_regression_answers_with_scores(root: Path) -> None:
    rows = [{"text_a": "a cat", "text_b": "a dog"}, {"text_a": "one", "text_b": "one"}]
    expected = load_classifier(root / "models" / "regression").predict(rows)
    found = load(root, "regression").predict(pd.DataFrame(rows))
    assert found.to_dict(orient="records") == expected
    assert all(0.0 <= score <= 5.0 for score in found["score"])


def test_mlflow_serves_a_model_that_completes_a_prompt_over_http(root: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    beside = os.path.dirname(sys.executable)
    command = "-m mlflow models serve --env-manager local -m models:/gptpath-tiny@challenger"
    server = subprocess.Popen(
        [sys.executable, *command.split(), "-p", str(port), "--workers", "1"],
        cwd=root,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PATH": beside + os.pathsep + os.environ["PATH"],
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        body = {"inputs": {"prompt": ["one "]}, "params": SAMPLING}
        answer = ask(f"http://127.0.0.1:{port}/invocations", body, server)
    finally:
        os.killpg(server.pid, 15)
        server.communicate()
    model = load(root, "tiny")
    expected = model.predict(pd.DataFrame({"prompt": ["one "]}), params=SAMPLING)
    assert answer == {"predictions": expected}


def ask(address: str, body: object, server: subprocess.Popen[bytes]) -> object:
    """Post JSON as soon as the server is up."""
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            pytest.fail(error.read().decode())
        except OSError:
            assert server.poll() is None, server.communicate()[0].decode()
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.3)
