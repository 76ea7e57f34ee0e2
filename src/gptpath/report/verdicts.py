"""The claims of the two papers, each checked against the numbers of this run.

Nothing here knows how a run ought to end: every headline is built from what was measured, and a
claim that does not come out gets the same sentence form as one that does.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from gptpath.report.numbers import fixed, listing, percent
from gptpath.report.results import (
    SUMMARIES,
    Record,
    Results,
    beats_chance,
    final_scores,
    headline_scores,
    printed_rouge,
)

Status = Literal["yes", "partly", "no", "unknown"]
"""Every case, some cases, none, or nothing to check."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One claim, whether it came out, and the numbers that say so."""

    claim: str
    """What the paper says, or what a working run must show."""
    status: Status
    finding: str
    """One sentence with the outcome."""
    evidence: tuple[str, ...]
    section: str
    """Anchor of the section that shows the numbers."""


def all_verdicts(results: Results) -> list[Verdict]:
    """Every claim in the order of the path."""
    return [
        beats_ngrams(results),
        bigger_is_better(results),
        pretraining_helps(results),
        transformer_beats_lstm(results),
        above_chance(results),
        rises_along_pretraining(results),
        scores_rise_with_size(results),
        summaries_beat_chance(results),
        hint_helps(results),
    ]


def beats_ngrams(results: Results) -> Verdict:
    """Each model's held-out loss against those of a unigram and a bigram model."""
    baselines = results.encode["baselines"]
    bar = min(baselines["unigram"]["loss"], baselines["bigram"]["loss"])
    losses = {name: results.pretrain[name]["final"]["loss"] for name in results.models}
    failed = [name for name, loss in losses.items() if not loss < bar]
    finding = f"{len(losses) - len(failed)} of {len(losses)} models have a lower held-out loss"
    return Verdict(
        claim="Each model predicts held-out text better than unigram and bigram counts",
        status=_status(len(losses) - len(failed), len(losses)),
        finding=finding + (f"; {listing(failed)} not." if failed else "."),
        evidence=(
            f"unigram {fixed(baselines['unigram']['loss'])}, "
            f"bigram {fixed(baselines['bigram']['loss'])} nats per token",
            "; ".join(f"{name} {fixed(loss)}" for name, loss in losses.items()),
        ),
        section="pretraining",
    )


def bigger_is_better(results: Results) -> Verdict:
    """Held-out loss falls with every step in size (GPT-2 Fig. 4)."""
    claim = "A bigger GPT-2 has a lower held-out loss"
    losses = [(name, results.pretrain[name]["final"]["loss"]) for name in results.sizes]
    if len(losses) < 2:
        return _unknown(claim, "This profile trains one size only.", "scaling")
    pairs = list(pairwise(losses))
    failed = [
        f"{big[0]} is not better than {small[0]}" for small, big in pairs if big[1] >= small[1]
    ]
    return Verdict(
        claim=claim,
        status=_status(len(pairs) - len(failed), len(pairs)),
        finding=f"{listing(failed)}."
        if failed
        else f"Each of {len(losses)} sizes is better than the one below it.",
        evidence=("; ".join(f"{name} {fixed(loss)} nats per token" for name, loss in losses),),
        section="scaling",
    )


def pretraining_helps(results: Results) -> Verdict:
    """Fine-tuning with and without pretraining, against the spread of the seeds (GPT-1 Table 5)."""
    return _compare_variants(
        results,
        better="full",
        worse="no-pretraining",
        claim="Pretraining helps fine-tuning by more than the spread of the seeds",
    )


def transformer_beats_lstm(results: Results) -> Verdict:
    """The pretrained Transformer against the pretrained LSTM (GPT-1 Table 5)."""
    return _compare_variants(
        results,
        better="full",
        worse="lstm",
        claim="The pretrained Transformer fine-tunes better than the pretrained LSTM",
    )


def above_chance(results: Results) -> Verdict:
    """The largest model's final zero-shot scores; the whole interval must lie above chance."""
    claim = "Zero-shot scores lie above chance with their whole interval"
    scores = headline_scores(final_scores(results, results.largest))
    if not scores:
        return _unknown(claim, "No zero-shot task with a chance level was measured.", "zero-shot")
    failed = [task for task, score in scores.items() if not beats_chance(score)]
    finding = f"{results.largest}: {len(scores) - len(failed)} of {len(scores)} tasks above chance"
    return Verdict(
        claim=claim,
        status=_status(len(scores) - len(failed), len(scores)),
        finding=finding + (f"; {listing(failed)} not." if failed else "."),
        evidence=tuple(
            f"{task}: {fixed(s['value'])} [{fixed(s['low'])}, {fixed(s['high'])}], {_bar(s)}"
            for task, s in scores.items()
        ),
        section="zero-shot",
    )


def rises_along_pretraining(results: Results) -> Verdict:
    """Last against first checkpoint of the largest model (GPT-1 Fig. 2 right)."""
    claim = "Zero-shot scores rise along pretraining"
    checkpoints = results.zeroshot[results.largest]["checkpoints"]
    if len(checkpoints) < 2:
        return _unknown(claim, "Fewer than two checkpoints were measured.", "zero-shot")
    first = headline_scores(checkpoints[0]["scores"])
    last = headline_scores(checkpoints[-1]["scores"])
    both = [task for task in last if task in first]
    if not both:
        return _unknown(claim, "No zero-shot task with a chance level was measured.", "zero-shot")
    failed = [task for task in both if not last[task]["low"] > first[task]["value"]]
    finding = f"{results.largest}: {len(both) - len(failed)} of {len(both)} tasks rise"
    return Verdict(
        claim=claim,
        status=_status(len(both) - len(failed), len(both)),
        finding=finding + (f"; {listing(failed)} not." if failed else "."),
        evidence=(
            f"step {checkpoints[0]['step']} → {checkpoints[-1]['step']}; rising means that the "
            "first score lies below the whole interval of the last",
            *(f"{task}: {_arrow(first[task], last[task])}" for task in both),
        ),
        section="zero-shot",
    )


def scores_rise_with_size(results: Results) -> Verdict:
    """Largest against smallest size on every zero-shot task (GPT-2 Fig. 1)."""
    claim = "Zero-shot scores rise with size"
    if len(results.sizes) < 2:
        return _unknown(claim, "This profile trains one size only.", "scaling")
    small, large = results.sizes[0], results.sizes[-1]
    first = headline_scores(final_scores(results, small))
    last = headline_scores(final_scores(results, large))
    both = [task for task in last if task in first]
    if not both:
        return _unknown(claim, "No zero-shot task with a chance level was measured.", "scaling")
    failed = [task for task in both if not last[task]["low"] > first[task]["value"]]
    finding = f"{large} is above {small} on {len(both) - len(failed)} of {len(both)} tasks"
    return Verdict(
        claim=claim,
        status=_status(len(both) - len(failed), len(both)),
        finding=finding + (f"; not on {listing(failed)}." if failed else "."),
        evidence=(
            "above means that the smaller score lies below the whole interval of the larger",
            *(f"{task}: {_arrow(first[task], last[task])}" for task in both),
        ),
        section="scaling",
    )


def summaries_beat_chance(results: Results) -> Verdict:
    """`TL;DR:` summaries against a random sentence of the text (GPT-2 Table 4)."""
    claim = "Summaries after TL;DR: are better than a random sentence of the text"
    return _compare_summaries(results, claim, "-random", "a random sentence")


def hint_helps(results: Results) -> Verdict:
    """Summaries with and without the words `TL;DR:` (GPT-2 sec. 3.6)."""
    claim = "The hint TL;DR: makes summaries better"
    return _compare_summaries(results, claim, "-no-hint", "the same without the hint")


def _compare_summaries(results: Results, claim: str, suffix: str, other: str) -> Verdict:
    scores = {(s["task"], s["metric"]): s for s in final_scores(results, results.largest)}
    asked = [task for task in SUMMARIES if any(key[0] == task for key in scores)]
    pairs = {
        kind if len(asked) == 1 else f"{task} {kind}": (ours, scores[task, kind + suffix])
        for task in asked
        for kind in printed_rouge({metric for of_task, metric in scores if of_task == task})
        if (ours := scores.get((task, kind))) and (task, kind + suffix) in scores
    }
    if not pairs:
        return _unknown(claim, "No summaries were measured.", "zero-shot")
    failed = [kind for kind, (ours, theirs) in pairs.items() if not ours["low"] > theirs["value"]]
    finding = f"{results.largest} is above {other} on {len(pairs) - len(failed)} of {len(pairs)}"
    return Verdict(
        claim=claim,
        status=_status(len(pairs) - len(failed), len(pairs)),
        finding=f"{finding} ROUGE scores" + (f"; not on {listing(failed)}." if failed else "."),
        evidence=tuple(
            f"{kind}: {fixed(ours['value'])} [{fixed(ours['low'])}, {fixed(ours['high'])}] against "
            f"{fixed(theirs['value'])}"
            for kind, (ours, theirs) in pairs.items()
        ),
        section="zero-shot",
    )


def _compare_variants(results: Results, *, better: str, worse: str, claim: str) -> Verdict:
    """Claim holds on a task if the medians differ by more than the wider of the two ranges."""
    tasks = {
        task: record["summary"]
        for task, record in results.finetune.items()
        if better in record["summary"] and worse in record["summary"]
    }
    if not tasks:
        return _unknown(claim, f"No task has both variants {better} and {worse}.", "fine-tuning")
    seeds = {row["seed"] for record in results.finetune.values() for row in record["rows"]}
    if len(seeds) < 2:
        return _unknown(claim, "One seed has no spread to compare with.", "fine-tuning")
    failed = [
        task for task, summary in tasks.items() if not _clearly(summary[better], summary[worse])
    ]
    finding = f"On {len(tasks) - len(failed)} of {len(tasks)} tasks"
    return Verdict(
        claim=claim,
        status=_status(len(tasks) - len(failed), len(tasks)),
        finding=finding + (f"; not on {listing(failed)}." if failed else "."),
        evidence=tuple(
            f"{task}: {_range(summary[better])} against {_range(summary[worse])}"
            for task, summary in tasks.items()
        ),
        section="fine-tuning",
    )


def _status(good: int, cases: int) -> Status:
    if good == cases:
        return "yes"
    return "partly" if good else "no"


def _clearly(better: Record, worse: Record) -> bool:
    spread = max(better["max"] - better["min"], worse["max"] - worse["min"])
    return better["median"] - worse["median"] > spread


def _range(summary: Record) -> str:
    low, high = percent(summary["min"]), percent(summary["max"])
    return f"{percent(summary['median'])} [{low}, {high}]"


def _bar(score: Record) -> str:
    """What `beats_chance` holds a score against."""
    chance, constant = score["chance"], score.get("majority") or 0.0
    said = f"chance {fixed(chance)}"
    return said if constant <= chance else f"{said}, best constant answer {fixed(constant)}"


def _arrow(first: Record, last: Record) -> str:
    return (
        f"{fixed(first['value'])} → {fixed(last['value'])} "
        f"[{fixed(last['low'])}, {fixed(last['high'])}]"
    )


def _unknown(claim: str, why: str, section: str) -> Verdict:
    return Verdict(claim=claim, status="unknown", finding=why, evidence=(), section=section)
