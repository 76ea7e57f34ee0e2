"""The cells of the two papers that `gptpath reproduce` fills, each with its column and tolerance.

P1 = Radford et al. 2018 (GPT-1), P2 = Radford et al. 2019 (GPT-2); docs/papers.md has the tables.
The columns are those whose rule is known, or thought, to be the printed number's.
"""

from dataclasses import dataclass

SIZES = {"gpt2": "117M", "gpt2-medium": "345M", "gpt2-large": "762M", "gpt2-xl": "1542M"}
"""Names on the hub and in the paper, which later corrected its counts (124M, 355M, 774M, 1558M)."""
LARGEST = "gpt2-xl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One printed number, and our column for it."""

    title: str
    task: str
    metric: str
    paper: float | None
    """In our units; None where the paper prints none for this model."""
    tolerance: float
    """Most that ours may differ before the cell is flagged."""
    relative: bool = False
    """Whether the tolerance is a share of the printed number."""
    scale: float = 1.0
    """Ours times this is in the paper's units (100 for per cent)."""
    source: str

    def is_off(self, ours: float) -> bool:
        """Whether our number, in the paper's units, differs by more than the tolerance."""
        if self.paper is None:
            return False
        allowed = self.tolerance * (self.paper if self.relative else 1.0)
        return not abs(ours - self.paper) <= allowed


_TABLE_3 = {
    # title: (task, metric, tolerance, relative, scale)
    "LAMBADA ppl": ("lambada", "perplexity", 0.05, True, 1.0),
    "LAMBADA acc": ("lambada", "last-token-accuracy", 1.0, False, 100.0),
    "CBT-CN acc": ("cbt-cn", "accuracy", 1.0, False, 100.0),
    "CBT-NE acc": ("cbt-ne", "accuracy", 1.0, False, 100.0),
    "WikiText-2 ppl": ("wikitext-2", "token-perplexity-raw-full-stride", 0.025, True, 1.0),
    "PTB ppl": ("ptb", "word-perplexity-detokenized-full-stride", 0.05, True, 1.0),
    "enwik8 bpb": ("enwik8", "byte-bits-raw-full-stride", 0.02, False, 1.0),
    "text8 bpc": ("text8", "character-bits-raw-full-stride", 0.02, False, 1.0),
    "WikiText-103 ppl": ("wikitext-103", "word-perplexity-raw-full-stride", 0.025, True, 1.0),
    "1BW ppl": ("1bw", "word-perplexity-detokenized-by-line", 0.05, True, 1.0),
}
_PRINTED = {
    "117M": (35.13, 45.99, 87.65, 83.4, 29.41, 65.85, 1.16, 1.17, 37.50, 75.20),
    "345M": (15.60, 55.48, 92.35, 87.1, 22.76, 47.33, 1.01, 1.06, 26.37, 55.72),
    "762M": (10.87, 60.12, 93.45, 88.0, 19.93, 40.31, 0.97, 1.02, 22.05, 44.575),
    "1542M": (8.63, 63.24, 93.30, 89.05, 18.34, 35.76, 0.93, 0.98, 17.48, 42.16),
}
_ONLY_LARGEST = (
    # title, task, metric, printed, tolerance, scale, source
    ("Winograd acc", "winograd", "accuracy", 70.70, 1.0, 100.0, "P2 sec. 3.4"),
    ("CoQA F1", "coqa", "f1", 55.0, 2.0, 100.0, "P2 sec. 3.5"),
    ("CNN/DM R-1", "cnn-dailymail", "rouge-1", 29.34, 1.5, 100.0, "P2 Table 4"),
    ("CNN/DM R-2", "cnn-dailymail", "rouge-2", 8.27, 1.0, 100.0, "P2 Table 4"),
    ("CNN/DM R-L", "cnn-dailymail", "rouge-l-summary", 26.58, 1.5, 100.0, "P2 Table 4"),
    ("CNN/DM R-1, no hint", "cnn-dailymail", "rouge-1-no-hint", 21.58, 1.5, 100.0, "P2 Table 4"),
    ("CNN/DM R-1, lede-3", "cnn-dailymail", "rouge-1-lead", 40.38, 1.0, 100.0, "P2 Table 4"),
    ("CNN/DM R-1, random-3", "cnn-dailymail", "rouge-1-random", 28.78, 1.0, 100.0, "P2 Table 4"),
    ("WMT-14 En-Fr BLEU", "wmt14-en-fr", "bleu", 5.0, 1.0, 1.0, "P2 sec. 3.7"),
    ("WMT-14 Fr-En BLEU", "wmt14-fr-en", "bleu", 11.5, 1.5, 1.0, "P2 sec. 3.7"),
    ("NQ exact match", "natural-questions", "exact-match", 4.1, 0.5, 100.0, "P2 sec. 3.8"),
    (
        "NQ, 1 % most confident",
        "natural-questions",
        "exact-match-of-1-percent",
        63.1,
        10.0,
        100.0,
        "P2 sec. 3.8",
    ),
)
_BY_EYE = "P1 Fig. 2, read by eye from (score - random) / (best - random)"
_FIGURE_2 = (
    # title, task, metric, printed: random + ratio x (best - random), tolerance
    ("CoLA MCC", "cola", "mcc", 0.43 * 35.0, 3.0),
    ("SST-2 acc", "sst-2", "accuracy", 50.0 + 0.68 * (93.2 - 50.0), 3.0),
    ("RACE acc", "race", "accuracy", 25.0 + 0.25 * (53.3 - 25.0), 2.0),
    ("DPRD acc", "dprd", "accuracy", None, 3.0),
)


def cells_of(name: str) -> list[Cell]:
    """The cells of one published model; its paper prints no number where `paper` is None."""
    if name not in SIZES:
        return [
            Cell(
                title=title,
                task=task,
                metric=metric,
                paper=paper,
                tolerance=tolerance,
                scale=100.0,
                source=_BY_EYE if paper is not None else "P1 Fig. 2; its best score is not printed",
            )
            for title, task, metric, paper, tolerance in _FIGURE_2
        ]
    table = [
        Cell(
            title=title,
            task=task,
            metric=metric,
            paper=paper,
            tolerance=tolerance,
            relative=relative,
            scale=scale,
            source=f"P2 Table 3, {SIZES[name]}",
        )
        for (title, (task, metric, tolerance, relative, scale)), paper in zip(
            _TABLE_3.items(), _PRINTED[SIZES[name]], strict=True
        )
    ]
    return table + [
        Cell(
            title=title,
            task=task,
            metric=metric,
            paper=paper if name == LARGEST else None,
            tolerance=tolerance,
            scale=scale,
            source=source if name == LARGEST else f"{source}: printed for 1542M alone",
        )
        for title, task, metric, paper, tolerance, scale, source in _ONLY_LARGEST
    ]
