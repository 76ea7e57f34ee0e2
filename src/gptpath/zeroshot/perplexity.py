"""How well running text is predicted: our held-out tokens, and WikiText-2 (GPT-2 sec. 3.1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gptpath.zeroshot.likelihood import Tokens
from gptpath.zeroshot.results import Reporter, Score, Sums, TaskResult, perplexity
from gptpath.zeroshot.scoring import Scorer


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
    return TaskResult(
        scores=(
            report.statistic(
                "perplexity",
                np.stack([nats, sizes.astype(np.float64)], axis=1),
                perplexity,
                chance=float(scorer.vocab_size),
                protocol="heldout-perplexity",
            ),
            report.statistic(
                "bpb",
                np.stack([nats, spelt.astype(np.float64)], axis=1),
                bits_per_unit,
                chance=None,
                protocol="heldout-bits-per-byte",
            ),
        )
    )


def bits_per_unit(sums: Sums) -> Sums:
    """Bits per unit of (..., [log-probability in nats, units])."""
    return -sums[..., 0] / (sums[..., 1] * math.log(2))


@dataclass(frozen=True, kw_only=True, slots=True)
class WikiTextLines:
    """Lines of WikiText-2, each with its end of line, in two spellings."""

    published: tuple[str, ...]
    detokenized: tuple[str, ...]

    @property
    def units(self) -> int:
        """Words of the published text, one end of line per line included (245,569 for test)."""
        return sum(len(line.split()) + 1 for line in self.published)


def score_wikitext(scorer: Scorer, report: Reporter, lines: WikiTextLines) -> TaskResult:
    """Perplexity per BPE token and per original word, with and without the detokenizer.

    Four columns times two strides, since each choice moves the number by whole points: `stride`
    context_length (windows side by side), and half of it (each token sees at least half a window).
    """
    scores: list[Score] = []
    spellings = {"raw": lines.published, "detokenized": lines.detokenized}
    for spelling, text in spellings.items():
        tokens = np.array(scorer.encoding.encode_ordinary("".join(text)), dtype=np.int64)
        for name, stride in _strides(scorer.context_length):
            log_probs = scorer.rolling(tokens, stride=stride).log_probs
            scores += _wikitext_scores(report, log_probs, lines.units, f"{spelling}-{name}", stride)
    return TaskResult(scores=tuple(scores))


def _strides(context_length: int) -> Sequence[tuple[str, int]]:
    return ("full-stride", context_length), ("half-stride", max(1, context_length // 2))


def _wikitext_scores(
    report: Reporter,
    log_probs: npt.NDArray[np.float64],
    words: int,
    column: str,
    block: int,
) -> list[Score]:
    """Per token and per word; the words are spread evenly over the tokens to resample blocks."""
    starts = np.arange(0, len(log_probs), block)
    sizes = np.diff(np.append(starts, len(log_probs))).astype(np.float64)
    nats = np.add.reduceat(log_probs, starts)
    scores: list[Score] = []
    for unit, counts in {"token": sizes, "word": sizes * words / len(log_probs)}.items():
        scores.append(
            report.statistic(
                f"{unit}-perplexity-{column}",
                np.stack([nats, counts], axis=1),
                perplexity,
                chance=None,
                protocol=f"wikitext-{unit}-perplexity",
            )
        )
    return scores
