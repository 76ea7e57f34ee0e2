"""`gptpath play` in a real browser: samples, their tokens, labels; nobody else is asked."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gptpath.finetune.folder import load_classifier
from gptpath.model.folder import load_model
from gptpath.model.generation import generate_samples
from gptpath.model.sampling import Sampling
from gptpath.tokens.encoding import load_encoding
from tests.pipeline.browser import WIDTHS, browsing, hosts_asked_by, picture
from tests.pipeline.tiny_registry import make_registry

pytest.importorskip("streamlit")

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_registry(tmp_path_factory.mktemp("play"))
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "gptpath.cli", "play", "--port", str(port)],
        cwd=root,
        env=kept | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while True:
            with socket.socket() as knocking:
                if knocking.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, server.communicate()[0]
            assert time.monotonic() < until, "the page did not come up"
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_prompt_is_continued_as_the_command_would_and_nobody_else_is_asked(
    root: Path, address: str, width: int
) -> None:
    folder = root / "models" / "tiny"
    [expected] = generate_samples(
        load_model(folder),
        load_encoding(folder / "tokenizer"),
        ["The array"],
        max_new_tokens=40,
        sampling=Sampling(temperature=0.8, top_k=40),
        samples=3,
        seed=7,
    )
    with browsing(width) as page:
        hosts = hosts_asked_by(page)
        page.goto(address)
        page.get_by_role("textbox", name="Prompt").fill("The array")
        page.get_by_role("spinbutton", name="Seed").fill("7")
        page.get_by_role("button", name="Continue").click()
        # The browser loads the part that shows texts when it first needs it.
        page.get_by_test_id("stHtml").nth(len(expected) - 1).wait_for()
        samples = [one.text_content() for one in page.get_by_test_id("stHtml").all()]
        tokens = page.locator("[data-testid=stHtml] span[title]")
        first = tokens.first.get_attribute("title")
        picture(page, "play")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("spinbutton", name="Seed").fill("8")
        page.get_by_role("button", name="Continue").click()
        page.wait_for_function(
            "before => document.querySelector('[data-testid=stHtml]').textContent != before",
            arg=samples[0],
        )
    assert [text.removeprefix("The array") for text in samples] == expected
    assert first.endswith(" nats")
    assert float(first.removesuffix(" nats")) < 0
    assert hosts == {"127.0.0.1"}


@pytest.mark.parametrize("width", WIDTHS)
def test_texts_are_labelled_with_the_probabilities_of_the_folder(
    root: Path, address: str, width: int
) -> None:
    [expected] = load_classifier(root / "models" / "classification").predict([{"text": "a sum"}])
    with browsing(width) as page:
        hosts = hosts_asked_by(page)
        page.goto(address)
        page.get_by_role("tab", name="Classify a text").click()
        page.get_by_role("textbox", name="Text").fill("a sum")
        page.get_by_role("button", name="Classify").click()
        page.get_by_text(f"Most probable: {expected['label']}").wait_for()
        for label, probability in expected["probabilities"].items():
            page.get_by_text(f"{label}: {probability:.1%}").wait_for()
        picture(page, "classify")
    assert hosts == {"127.0.0.1"}


def test_what_a_person_can_mend_is_one_sentence_on_the_page(address: str) -> None:
    with browsing(1280) as page:
        page.goto(address)
        page.get_by_role("tab", name="Classify a text").click()
        page.get_by_role("button", name="Classify").click()
        alert = page.get_by_test_id("stAlert")
        alert.wait_for()
        assert "text" in alert.text_content()
        assert "Traceback" not in alert.text_content()
