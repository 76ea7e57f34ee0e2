"""Registered models answer through MLflow: loaded in Python, and served over HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from gptpath.finetune.folder import load_classifier
from gptpath.model.folder import load_model
from gptpath.model.generation import generate
from gptpath.tokens.encoding import load_encoding
from gptpath.tracking.registry import resolve_model
from gptpath.tracking.store import tracking_uri
from tests.pipeline.tiny_registry import make_registry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "default::DeprecationWarning",
        "default::FutureWarning",
        "default::UserWarning:mlflow",
        "default::ResourceWarning",
    ),
]

SAMPLING = {"max_new_tokens": 8, "temperature": 0.7, "top_k": 20, "top_p": 0.95, "seed": 3}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_registry(tmp_path_factory.mktemp("serving"))


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


@contextmanager
def serving(root: Path, model: str) -> Iterator[Callable[[object], object]]:
    """`mlflow models serve` of a registered model: a function from a request's body to answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    beside = os.path.dirname(sys.executable)
    command = f"-m mlflow models serve --env-manager local -m models:/gptpath-{model}@challenger"
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
        yield lambda body: ask(f"http://127.0.0.1:{port}/invocations", body, server)
    finally:
        os.killpg(server.pid, 15)
        server.communicate()


def test_mlflow_serves_a_model_that_completes_a_prompt_over_http(root: Path) -> None:
    with serving(root, "tiny") as request:
        answer = request({"inputs": {"prompt": ["one "]}, "params": SAMPLING})
    model = load(root, "tiny")
    expected = model.predict(pd.DataFrame({"prompt": ["one "]}), params=SAMPLING)
    assert answer == {"predictions": expected}


def test_mlflow_serves_a_classifier_that_labels_texts_over_http(root: Path) -> None:
    rows = [{"text": "an array of numbers"}, {"text": "a signal"}]
    with serving(root, "classification") as request:
        answer = request({"dataframe_records": rows})
        with pytest.raises(pytest.fail.Exception, match="text"):
            request({"dataframe_records": [{"words": "no such column"}]})
    expected = load_classifier(root / "models" / "classification").predict(rows)
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
