import json
from dataclasses import replace

import pytest

from gptpath.gate.decision import Check, Decision, Rule, Side, decide, markdown
from gptpath.gate.paired import Difference

RULE = Rule(margin_bpb=0.01, confidence=0.95, samples=100, seed=0, unit="document")
GOOD, BAD = (
    Check(name=name, passed=name == "good", note=f"{name} note") for name in ("good", "bad")
)


def difference(low: float, high: float) -> Difference:
    return Difference(
        champion_bpb=2.0,
        challenger_bpb=2.0 + (low + high) / 2,
        mean=(low + high) / 2,
        low=low,
        high=high,
        items=50,
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict", "reason"),
    [
        (-0.05, -0.011, "promote", "better beyond the margin"),
        (-0.05, -0.01, "refuse", "not better beyond the margin"),
        (-0.05, -0.005, "refuse", "not better beyond the margin"),
        (-0.05, 0.02, "refuse", "not better beyond the margin"),
        (0.01, 0.02, "refuse", "worse"),
        (float("nan"), float("nan"), "refuse", "not better"),
    ],
)
def test_only_what_is_better_beyond_margin_and_noise_is_promoted(
    low: float, high: float, verdict: str, reason: str
) -> None:
    found, reasons = decide([GOOD], difference(low, high), RULE)
    assert found == verdict
    assert reasons[0].startswith(reason)


def test_a_failed_check_refuses_however_good_the_numbers_are() -> None:
    assert decide([GOOD, BAD], difference(-1.0, -0.9), RULE) == ("refuse", ("bad: bad note",))
    assert decide([BAD], None, None)[0] == "refuse"


def test_the_first_champion_needs_the_checks_alone() -> None:
    verdict, reasons = decide([GOOD], None, None)
    assert verdict == "promote"
    assert "nothing to compare with" in reasons[0]


def test_the_page_and_the_json_hold_all_the_evidence() -> None:
    decision = Decision(
        model="gptpath-tiny",
        verdict="refuse",
        reasons=("worse",),
        champion=Side(address="models:/gptpath-tiny/1", version="1", git_commit="a" * 40),
        challenger=Side(address="models:/gptpath-tiny/2", version="2", git_commit="b" * 40),
        checks=(GOOD, BAD),
        difference=difference(0.01, 0.02),
        rule=RULE,
        git_commit="c" * 40,
    )
    page = markdown(decision)
    for fact in ("**refuse**", "/1 (commit aaaa", "/2 (commit bbbb", "+0.0150", "50 documents"):
        assert fact in page
    assert "| check: bad | FAILED: bad note |" in page
    values = json.loads(json.dumps(decision.as_json()))
    assert values["difference"]["low"] == 0.01
    assert values["checks"][1] == {"name": "bad", "passed": False, "note": "bad note"}
    assert decision.sentence() == "models:/gptpath-tiny/2 is refused: worse"
    assert "| champion | none |" in markdown(replace(decision, champion=None, rule=None))
