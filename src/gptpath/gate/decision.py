"""The verdict on a challenger, and the evidence that goes with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gptpath.config.data_sets import Metric
from gptpath.gate.paired import Difference
from gptpath.gate.scores import ScoreDifference

Unit = Literal["document", "passage", "item"]
"""What is compared on: held-out documents, passages of them, or test items of a labelled task."""
Verdict = Literal["promote", "refuse", "superseded", "unchanged", "rollback"]
"""`superseded`: another champion came while the two were compared; nothing is decided.
`unchanged`: the challenger is the champion. `rollback`: the previous champion came back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One condition that a challenger meets or not."""

    name: str
    passed: bool
    note: str
    """What was found; of a check that failed also what was expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two models."""

    address: str
    """`models:/NAME/VERSION`, or a folder."""
    version: str | None = None
    """Of a registered model."""
    git_commit: str = "unknown"
    """The code that trained it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """By what two language models were compared."""

    margin_bpb: float
    confidence: float
    samples: int
    seed: int
    unit: Unit

    @property
    def margin(self) -> float:
        """By how much the challenger must be better."""
        return self.margin_bpb


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreRule:
    """By what two classifiers were compared."""

    metric: Metric
    margin: float
    confidence: float
    samples: int
    seed: int
    unit: Unit = "item"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A verdict with all that led to it."""

    model: str
    """Registered name, or the two addresses where nothing is to be promoted."""
    verdict: Verdict
    reasons: tuple[str, ...]
    champion: Side | None
    """None where the challenger is the first."""
    challenger: Side
    checks: tuple[Check, ...] = ()
    difference: Difference | ScoreDifference | None = None
    rule: Rule | ScoreRule | None = None
    git_commit: str = "unknown"
    """The code that decided."""

    def as_json(self) -> dict[str, Any]:
        """The evidence as plain values (docs/gate.md)."""
        return asdict(self)

    def sentence(self) -> str:
        """The verdict in one line."""
        said = {
            "promote": f"{self.challenger.address} is the champion now",
            "refuse": f"{self.challenger.address} is refused",
            "superseded": f"{self.challenger.address} is not decided on",
            "unchanged": f"{self.challenger.address} is the champion already",
            "rollback": f"{self.challenger.address} is the champion again",
        }[self.verdict]
        return f"{said}: {'; '.join(self.reasons)}" if self.reasons else said


def decide(
    checks: Sequence[Check],
    difference: Difference | ScoreDifference | None,
    rule: Rule | ScoreRule | None,
) -> tuple[Literal["promote", "refuse"], tuple[str, ...]]:
    """Promote what passes all checks and, against a champion, is better beyond margin and noise.

    Without a `difference` there is no champion to compare with.
    """
    failed = tuple(f"{check.name}: {check.note}" for check in checks if not check.passed)
    if failed:
        return "refuse", failed
    if difference is None or rule is None:
        return "promote", ("first champion: all checks passed, nothing to compare with",)
    found = (
        f"{difference.mean:+.4f} {difference.measure} on {difference.items} {rule.unit}s, "
        f"{rule.confidence:.0%} interval {difference.low:+.4f} to {difference.high:+.4f}"
    )
    least, most = difference.gain
    if least > rule.margin:
        return "promote", (f"better beyond the margin of {rule.margin:g}: {found}",)
    if most < 0:
        return "refuse", (f"worse: {found}",)
    return "refuse", (f"not better beyond the margin of {rule.margin:g}: {found}",)


def conclude(
    model: str,
    sides: tuple[Side | None, Side],
    checks: Sequence[Check],
    compared: tuple[Difference, Rule] | tuple[ScoreDifference, ScoreRule] | None,
    *,
    git_commit: str,
) -> Decision:
    """The decision on champion and challenger, with all that it rests on."""
    champion, challenger = sides
    difference, rule = compared or (None, None)
    verdict, reasons = decide(checks, difference, rule)
    return Decision(
        model=model,
        verdict=verdict,
        reasons=reasons,
        champion=champion,
        challenger=challenger,
        checks=tuple(checks),
        difference=difference,
        rule=rule,
        git_commit=git_commit,
    )


def markdown(decision: Decision) -> str:
    """The evidence as a short page, for the registry and for people."""
    rows = [("champion", _side(decision.champion)), ("challenger", _side(decision.challenger))]
    difference, rule = decision.difference, decision.rule
    if difference is not None and rule is not None:
        champion, challenger = difference.sides
        rows += [
            (f"champion, {difference.measure}", f"{champion:.4f}"),
            (f"challenger, {difference.measure}", f"{challenger:.4f}"),
            ("difference", f"{difference.mean:+.4f}"),
            (
                f"{rule.confidence:.0%} interval",
                f"{difference.low:+.4f} to {difference.high:+.4f}",
            ),
            ("margin", f"{rule.margin:g}"),
            ("items", f"{difference.items} {rule.unit}s"),
            ("bootstrap", f"{rule.samples} samples, seed {rule.seed}"),
        ]
    rows += [
        (f"check: {check.name}", f"{'passed' if check.passed else 'FAILED'}: {check.note}")
        for check in decision.checks
    ]
    rows.append(("decided by commit", decision.git_commit[:12]))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"**{decision.verdict}**: {'; '.join(decision.reasons)}\n\n| | |\n|---|---|\n{table}\n"


def _side(side: Side | None) -> str:
    if side is None:
        return "none"
    return f"{side.address} (commit {side.git_commit[:12]})"
