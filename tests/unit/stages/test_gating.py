"""The gate on a checkout with tiny models: first champion, worse, better, other data."""

import json
from pathlib import Path

import pytest

from gptpath.cli import main
from gptpath.errors import PipelineError
from gptpath.events import ModelFinished
from gptpath.stages.gating import check_data, gate_models
from gptpath.tracking.decisions import undecided
from gptpath.tracking.lineage import LockEntry, StageInput
from gptpath.tracking.store import open_client
from tests.unit.gate.conftest import made_up_texts, write_model, write_split
from tests.unit.registry_checkout import MARKS, ORIGIN, make_checkout, register, verdict

pytestmark = MARKS

MODEL = "gpt2-laptop-l"
NAME = f"gptpath-{MODEL}"
LOCK = """
schema: '2.0'
stages:
  ingest:
    cmd: gptpath ingest
    outs: [{path: data/corpus, md5: corpus.dir}]
  encode:
    cmd: gptpath encode
    deps: [{path: data/corpus, md5: corpus.dir}]
    outs: [{path: data/tokens, md5: tokens.dir}]
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    gate = {"min_items": 10, "samples": 200, "models": [MODEL]}
    make_checkout(tmp_path, monkeypatch, {"gate": gate, "compute": {"device": "cpu"}})
    (tmp_path / "dvc.lock").write_text(LOCK)
    write_split(tmp_path / "data/corpus/train", made_up_texts(20, seed=2))
    write_split(tmp_path / "data/corpus/validation", made_up_texts(20, seed=1))
    return tmp_path


def train(root: Path, lean: float, *, tokens: str = "tokens.dir") -> None:
    """Put a model where training leaves it, and register it."""
    folder = write_model(root / "models/pretrained" / MODEL, lean=lean)
    model = ModelFinished(name=MODEL, path=folder, kind="language-model", metrics={})
    data = StageInput(path="data/tokens", md5=tokens, producer="encode")
    register(root, model, stage="pretrain", inputs=[data])


def test_only_a_better_model_from_the_same_data_takes_the_champions_place(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(root, 0.5)
    assert verdict(root, MODEL)[0] == "promote"
    assert verdict(root, MODEL) == ("unchanged", "")
    train(root, 0.2)
    found, reason = verdict(root, MODEL)
    assert (found, reason.split(":")[0]) == ("refuse", "worse")

    train(root, 1.0, tokens="other.dir")
    found, reason = verdict(root, MODEL)
    assert found == "refuse"
    assert "trained on data/tokens other.dir, this checkout has tokens.dir" in reason

    train(root, 1.1)
    assert main(["gate", "--json", str(root / "said.json")]) == 0
    assert "models:/gptpath-gpt2-laptop-l/4 is the champion now: better" in capsys.readouterr().out
    [said] = json.loads((root / "said.json").read_text())
    assert {check["name"] for check in said["checks"]} == {
        "training data",
        "schema",
        "soundness",
        "items",
        "contamination",
        "tokenizers",
    }
    client = open_client(root)
    aliases = client.get_registered_model(NAME).aliases
    assert (str(aliases["champion"]), str(aliases["previous"])) == ("4", "1")

    assert main(["compare", f"models:/{NAME}/2", f"models:/{NAME}@champion"]) == 0
    assert "**promote**: better" in capsys.readouterr().out
    assert client.get_registered_model(NAME).aliases == aliases

    assert main(["rollback", "--reason", "it swears"]) == 0
    assert "/1 is the champion again: it swears" in capsys.readouterr().out
    assert main(["rollback"]) == 1
    assert "nothing to go back to" in capsys.readouterr().err


def test_what_the_registry_does_not_hold_is_not_gated(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_client(root)
    assert undecided(client, root, [MODEL]) == (), "nothing is trained yet"
    write_model(root / "models/pretrained" / MODEL)
    assert undecided(client, root, [MODEL]) == (MODEL,)
    with pytest.raises(PipelineError, match="no version of gptpath-gpt2-laptop-l holds"):
        gate_models(root, [MODEL], ORIGIN)
    train(root, 0.5)
    assert undecided(client, root, [MODEL]) == (MODEL,)
    gate_models(root, [MODEL], ORIGIN)
    assert undecided(client, root, [MODEL]) == ()
    monkeypatch.setenv("GPTPATH_TRACKING", "off")
    with pytest.raises(PipelineError, match="needs MLflow's registry"):
        gate_models(root, [MODEL], ORIGIN)


def test_a_lock_without_the_corpus_cannot_prove_what_was_trained_on() -> None:
    encode = LockEntry(
        cmd="c", deps={"data/corpus": "corpus.dir"}, outs={"data/tokens": "t"}, params={}
    )
    check = check_data({"gptpath.data.data/tokens": "t"}, {"encode": encode})
    assert not check.passed
    assert "another data/corpus than this; run `dvc repro`" in check.note
