"""How well running text is predicted: held-out tokens, and test sets of text (GPT-2 sec. 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gptpath.zeroshot.baselines import Baselines
from gptpath.zeroshot.likelihood import Request, Tokens
from gptpath.zeroshot.results import Facts, Measure, Reporter, Rows, TaskResult
from gptpath.zeroshot.scoring import Scorer

UNIT_STATISTICS = {
    "token": "perplexity",
    "word": "perplexity",
    "byte": "bits-per-unit",
    "character": "bits-per-unit",
}


def score_heldout(
    scorer: Scorer,
    report: Reporter,
    tokens: Tokens,
    byte_lengths: npt.NDArray[np.int64],
) -> TaskResult:
    """Perplexity per token and bits per byte of held-out `tokens` (n,), in windows side by side.

    `byte_lengths` maps token ids to bytes, 0 for end of text: its bits count (a text must end
    somewhere), its bytes do not, so that bits per byte compare across tokenizers. Intervals
    resample windows of context_length tokens.
    """
    log_probs = scorer.rolling(tokens).log_probs
    starts = np.arange(0, len(tokens), scorer.context_length)
    sizes = np.diff(np.append(starts, len(tokens)))
    nats = np.add.reduceat(log_probs, starts)
    spelt = np.add.reduceat(byte_lengths[tokens], starts)
    measures = (
        report.statistic(
            "perplexity",
            np.stack([nats, sizes.astype(np.float64)], axis=1),
            "perplexity",
            baselines=Baselines(random=float(scorer.vocab_size)),
            protocol="heldout-perplexity",
        ),
        report.statistic(
            "bpb",
            np.stack([nats, spelt.astype(np.float64)], axis=1),
            "bits-per-unit",
            protocol="heldout-bits-per-byte",
        ),
    )
    return report.result(measures, [Facts(id=f"window-{n:06d}") for n in range(len(starts))])


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSet:
    """A test set of running text, in one or more spellings of the same words."""

    spellings: dict[str, tuple[str, ...]]
    """Lines by the name of the spelling, each line with its end; `raw` is the published one."""
    units: dict[str, int]
    """How many of the data set's own units (`word`, `byte`, `character`) the lines hold. Per
    token it is always measured."""
    by_line: bool = False
    """Also score each line as a document of its own: for sentences in random order."""


def score_text(scorer: Scorer, report: Reporter, text: TextSet) -> TaskResult:
    """Perplexity or bits per token and per unit of the data set, in each spelling.

    Two strides, since each choice moves the number by whole points: `stride` context_length
    (windows side by side), and half of it (each token sees at least half a window). The scores of
    a spelling are over the units of the published text, so that spellings compare.
    """
    results: list[TaskResult] = []
    for spelling, lines in text.spellings.items():
        tokens = np.array(scorer.encoding.encode_ordinary("".join(lines)), dtype=np.int64)
        for name, stride in _strides(scorer.context_length):
            nats, sizes = _windows(scorer.rolling(tokens, stride=stride).log_probs, stride)
            results.append(_columns(report, nats, sizes, text.units, f"{spelling}-{name}"))
        if text.by_line:
            nats, sizes = _line_by_line(scorer, lines)
            results.append(_columns(report, nats, sizes, text.units, f"{spelling}-by-line"))
    return TaskResult(
        scores=tuple(score for result in results for score in result.scores),
        records=tuple(record for result in results for record in result.records),
    )


def words_of(lines: Sequence[str]) -> int:
    """Words between blanks, one end of line a line included (245,569 for WikiText-2's test)."""
    return sum(len(line.split()) + 1 for line in lines)


def _strides(context_length: int) -> Sequence[tuple[str, int]]:
    return ("full-stride", context_length), ("half-stride", max(1, context_length // 2))


def _windows(log_probs: npt.NDArray[np.float64], block: int) -> tuple[Rows, Rows]:
    """Nats and tokens of consecutive blocks."""
    starts = np.arange(0, len(log_probs), block)
    sizes = np.diff(np.append(starts, len(log_probs))).astype(np.float64)
    return np.add.reduceat(log_probs, starts), sizes


def _line_by_line(scorer: Scorer, lines: Sequence[str]) -> tuple[Rows, Rows]:
    answers = scorer.log_likelihoods([Request(context="", continuations=(li,)) for li in lines])
    nats = np.array([answer.total for (answer,) in answers])
    return nats, np.array([float(len(answer.tokens)) for (answer,) in answers])


def _columns(
    report: Reporter, nats: Rows, sizes: Rows, units: dict[str, int], column: str
) -> TaskResult:
    """Per token and per unit; the units are spread evenly over the tokens to resample blocks."""
    measures: list[Measure] = []
    for unit, count in {"token": None, **units}.items():
        counts = sizes if count is None else sizes * count / sizes.sum()
        statistic = UNIT_STATISTICS[unit]
        kind = "perplexity" if statistic == "perplexity" else "bits"
        measures.append(
            report.statistic(
                f"{unit}-{kind}-{column}",
                np.stack([nats, counts], axis=1),
                statistic,
                protocol=f"text-{unit}-{kind}",
            )
        )
    facts = [Facts(id=f"{column}-{n:06d}") for n in range(len(nats))]
    return report.result(measures, facts)
