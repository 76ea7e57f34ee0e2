"""Aliases move only with evidence, under a lock, and never twice for one champion."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gptpath.errors import PipelineError
from gptpath.gate.decision import Check, Decision, Rule
from gptpath.gate.paired import Difference
from gptpath.tracking.decisions import (
    Origin,
    carry_out,
    champion_of,
    is_decided,
    roll_back,
    side_of,
    with_decision,
)
from gptpath.tracking.store import open_client

pytestmark = pytest.mark.filterwarnings(
    "default::DeprecationWarning", "default::FutureWarning", "default::ResourceWarning"
)

NAME = "gptpath-tiny"
ORIGIN = Origin(profile="laptop")

RACER = """
import sys, time
from pathlib import Path
from gptpath.tracking.store import open_client
from tests.unit.tracking.test_decisions import ORIGIN, carry_out, decision
root, champion, challenger, go = Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
client = open_client(root)
judged = decision(client, champion, challenger)
Path(f"{go}.ready-{challenger}").touch()
while not go.exists():
    time.sleep(0.002)
print(carry_out(client, root, judged, ORIGIN).verdict)
"""


def make_versions(client, count: int) -> None:
    """Registered versions without artifacts."""
    client.create_registered_model(NAME)
    experiment = client.create_experiment("e")
    for number in range(1, count + 1):
        run = client.create_run(experiment)
        client.create_model_version(
            NAME,
            f"{run.info.artifact_uri}/model",
            run.info.run_id,
            tags={"gptpath.git_commit": str(number) * 40},
            description="# Card",
        )


def decision(client, champion: str | None, challenger: str, verdict: str = "promote") -> Decision:
    before = side_of(client.get_model_version(NAME, champion)) if champion else None
    numbers = Difference(
        champion_bpb=2.0, challenger_bpb=1.9, mean=-0.1, low=-0.12, high=-0.08, items=50
    )
    rule = Rule(margin_bpb=0.01, confidence=0.95, samples=100, seed=0, unit="document")
    return Decision(
        model=NAME,
        verdict=verdict,
        reasons=("because",),
        champion=before,
        challenger=side_of(client.get_model_version(NAME, challenger)),
        checks=(Check(name="items", passed=True, note="50 documents"),),
        difference=numbers if champion else None,
        rule=rule if champion else None,
        git_commit="d" * 40,
    )


def aliases(client) -> dict[str, str]:
    return {name: str(v) for name, v in client.get_registered_model(NAME).aliases.items()}


@pytest.fixture
def client(root: Path):
    client = open_client(root)
    make_versions(client, 3)
    return client


def test_a_promotion_moves_both_aliases_and_leaves_its_evidence(root: Path, client) -> None:
    assert champion_of(client, NAME) is None
    carry_out(client, root, decision(client, None, "1"), ORIGIN)
    assert aliases(client) == {"champion": "1"}
    carry_out(client, root, decision(client, "1", "2"), ORIGIN)
    assert aliases(client) == {"champion": "2", "previous": "1"}
    version = client.get_model_version(NAME, "2")
    assert is_decided(version)
    assert version.tags["gptpath.gate.decision"] == "promote"
    assert version.tags["gptpath.gate.champion"] == "1"
    assert version.tags["gptpath.gate.difference_bpb"] == "-0.1"
    assert version.tags["gptpath.gate.margin_bpb"] == "0.01"
    assert version.tags["gptpath.gate.items"] == "50"
    assert version.tags["gptpath.gate.champion_commit"] == "1" * 40
    assert version.tags["gptpath.gate.git_commit"] == "d" * 40
    assert version.description.startswith("# Card\n\n## Gate\n\n**promote**")
    run = client.get_run(version.tags["gptpath.gate.run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["gate/difference_bpb_high"] == -0.08
    assert "**promote**" in run.data.tags["mlflow.note.content"]
    kept = Path(client.download_artifacts(run.info.run_id, "gate/decision.json"))
    assert json.loads(kept.read_text())["difference"]["items"] == 50
    assert client.get_run(version.run_id).data.tags["gptpath.gate.decision"] == "promote"


def test_a_refusal_moves_nothing_and_is_kept(root: Path, client) -> None:
    carry_out(client, root, decision(client, None, "1"), ORIGIN)
    carry_out(client, root, decision(client, "1", "2", "refuse"), ORIGIN)
    assert aliases(client) == {"champion": "1"}
    assert client.get_model_version(NAME, "2").tags["gptpath.gate.decision"] == "refuse"


def test_deciding_again_replaces_the_section_of_the_card(root: Path, client) -> None:
    carry_out(client, root, decision(client, None, "1"), ORIGIN)
    for _ in range(2):
        carry_out(client, root, decision(client, "1", "2", "refuse"), ORIGIN)
    assert client.get_model_version(NAME, "2").description.count("## Gate") == 1


def test_what_was_compared_with_a_former_champion_promotes_nothing(root: Path, client) -> None:
    carry_out(client, root, decision(client, None, "1"), ORIGIN)
    late = decision(client, "1", "3")
    carry_out(client, root, decision(client, "1", "2"), ORIGIN)
    found = carry_out(client, root, late, ORIGIN)
    assert found.verdict == "superseded"
    assert "version 2 became champion meanwhile" in found.reasons[0]
    assert aliases(client) == {"champion": "2", "previous": "1"}
    assert not is_decided(client.get_model_version(NAME, "3"))
    again = carry_out(client, root, decision(client, "1", "2"), ORIGIN)
    assert again.verdict == "unchanged"

    late = decision(client, "2", "3")
    client.delete_registered_model_alias(NAME, "champion")
    found = carry_out(client, root, late, ORIGIN)
    assert found.verdict == "superseded"
    assert "/2, but the model has no champion now" in found.reasons[0]


def test_a_rollback_walks_back_through_former_champions(root: Path, client) -> None:
    for champion, challenger in ((None, "1"), ("1", "2"), ("2", "3")):
        carry_out(client, root, decision(client, champion, challenger), ORIGIN)

    def back():
        return roll_back(client, root, NAME, reason="it swears", git_commit="e" * 40, origin=ORIGIN)

    found = back()
    assert found.sentence() == "models:/gptpath-tiny/2 is the champion again: it swears"
    assert aliases(client) == {"champion": "2", "previous": "1"}
    assert client.get_model_version(NAME, "3").tags["gptpath.gate.decision"] == "rollback"
    back()
    assert aliases(client) == {"champion": "1"}
    with pytest.raises(PipelineError, match="no version with the alias previous"):
        back()
    runs = client.search_runs(
        [client.get_experiment_by_name("gptpath/laptop").experiment_id],
        "tags.`gptpath.gate.decision` = 'rollback'",
    )
    assert len(runs) == 2


def test_an_unknown_model_is_named(root: Path, client) -> None:
    with pytest.raises(PipelineError, match="no registered model gptpath-huge"):
        champion_of(client, "gptpath-huge")


def race(root: Path, tmp_path: Path) -> list[str]:
    """Two real processes, both ready, that promote versions 2 and 3 over 1 at the same moment."""
    go = tmp_path / "go"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(root), "1", challenger, str(go)],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for challenger in ("2", "3")
    ]
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("go.ready-*"))) < 2:
        assert all(racer.poll() is None for racer in racers), racers[0].communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    go.touch()
    said = [racer.communicate(timeout=120) for racer in racers]
    assert all(racer.returncode == 0 for racer in racers), said
    return [out.strip() for out, _ in said]


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["file", "registry"])
def test_of_two_retrainings_at_once_only_one_promotes(
    root: Path, client, tmp_path: Path, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out(client, root, decision(client, None, "1"), ORIGIN)
    if lock == "registry":  # of an address that is not that of a plain SQLite file
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite+pysqlite:///{root / 'mlflow.db'}")
    verdicts = race(root, tmp_path)
    assert sorted(verdicts) == ["promote", "superseded"]
    won = str(2 + verdicts.index("promote"))
    assert aliases(client) == {"champion": won, "previous": "1"}
    assert [model.name for model in client.search_registered_models()] == [NAME]


def test_a_decision_stands_before_the_cards_other_sections_and_replaces_an_earlier_one() -> None:
    card = "# Card\n\nWhat it does.\n\n## Scores\n\n| loss | 4 |\n\n## Parameters\n\n| seed | 1 |\n"
    first = with_decision(card, "**promote**: better\n\n| a | b |\n")
    assert first.split("\n\n## ")[1:] == [
        "Gate\n\n**promote**: better\n\n| a | b |",
        *card.split("\n\n## ")[1:],
    ]
    assert with_decision(first, "**refuse**: worse\n") == with_decision(card, "**refuse**: worse\n")
    assert with_decision("# Card\n", "**promote**\n") == "# Card\n\n## Gate\n\n**promote**\n"
