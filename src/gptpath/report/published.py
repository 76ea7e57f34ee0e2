"""Values printed in the papers, to stand beside ours. Each table names its source.

P1 = Radford et al. 2018 (GPT-1), P2 = Radford et al. 2019 (GPT-2). docs/papers.md has the rest.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """One table of a paper: `columns[0]` heads the row names."""

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


GPT1_PARAMETERS = 116_534_784
"""From the shapes of the released weights; the paper prints no count."""
GPT2_LARGEST_PARAMETERS = 1_557_611_200
"""Recomputed; P2 prints 1542M, which OpenAI's repository later corrected."""
WEBTEXT_BYTES = 40e9
"""P2 sec. 2.1: 40 GB of text. The number of tokens seen in training was not published."""

GPT1_ABLATIONS = Published(
    source="GPT-1, Table 5 (116.5 M parameters, pretrained on BooksCorpus)",
    columns=("variant", "average", "CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE"),
    rows=(
        ("full", "74.7", "45.4", "91.3", "82.3", "82.0", "70.3", "81.8", "88.1", "56.0"),
        ("no-pretraining", "59.9", "18.9", "84.0", "79.4", "30.9", "65.5", "75.7", "71.2", "53.8"),
        (
            "no-auxiliary-loss",
            "75.0",
            "47.9",
            "92.0",
            "84.9",
            "83.2",
            "69.8",
            "81.1",
            "86.9",
            "54.4",
        ),
        ("lstm", "69.1", "30.3", "90.5", "83.2", "71.8", "68.1", "73.7", "81.1", "54.6"),
    ),
)

GPT1_SCORES = {
    "mnli-m": 82.1,
    "mnli-mm": 81.4,
    "snli": 89.9,
    "scitail": 88.3,
    "qnli": 88.1,
    "rte": 56.0,
    "story-cloze": 86.5,
    "race-m": 62.9,
    "race-h": 57.4,
    "race": 59.0,
    "cola": 45.4,
    "sst-2": 91.3,
    "mrpc": 82.3,
    "sts-b": 82.0,
    "qqp": 70.3,
}
"""P1 Tables 2 to 4, by our names of the data sets; the metric is the one we use, x 100."""

GPT2_LANGUAGE_MODELLING = Published(
    source="GPT-2, Table 3 (zero-shot; sizes as the paper prints them)",
    columns=(
        "model",
        "LAMBADA ppl",
        "LAMBADA acc",
        "CBT-CN acc",
        "CBT-NE acc",
        "WikiText-2 ppl",
        "PTB ppl",
        "enwik8 bpb",
        "text8 bpc",
        "WikiText-103 ppl",
        "1BW ppl",
    ),
    rows=(
        (
            "best before",
            "99.8",
            "59.23",
            "85.7",
            "82.3",
            "39.14",
            "46.54",
            "0.99",
            "1.08",
            "18.3",
            "21.8",
        ),
        (
            "117M",
            "35.13",
            "45.99",
            "87.65",
            "83.4",
            "29.41",
            "65.85",
            "1.16",
            "1.17",
            "37.50",
            "75.20",
        ),
        (
            "345M",
            "15.60",
            "55.48",
            "92.35",
            "87.1",
            "22.76",
            "47.33",
            "1.01",
            "1.06",
            "26.37",
            "55.72",
        ),
        (
            "762M",
            "10.87",
            "60.12",
            "93.45",
            "88.0",
            "19.93",
            "40.31",
            "0.97",
            "1.02",
            "22.05",
            "44.575",
        ),
        (
            "1542M",
            "8.63",
            "63.24",
            "93.30",
            "89.05",
            "18.34",
            "35.76",
            "0.93",
            "0.98",
            "17.48",
            "42.16",
        ),
    ),
)

GPT2_SUMMARIES = Published(
    source="GPT-2, Table 4 (CNN/Daily Mail, ROUGE F1 in per cent, 1542M)",
    columns=("system", "R-1", "R-2", "R-L", "average"),
    rows=(
        ("Bottom-Up Sum (trained)", "41.22", "18.68", "38.34", "32.75"),
        ("first three sentences", "40.38", "17.66", "36.62", "31.55"),
        ("GPT-2 with TL;DR:", "29.34", "8.27", "26.58", "21.40"),
        ("three random sentences", "28.78", "8.63", "25.52", "20.98"),
        ("GPT-2 without the hint", "21.58", "4.03", "19.47", "15.03"),
    ),
)

GPT2_OVERLAP = Published(
    source="GPT-2, Table 6 (share of test 8-grams, per cent)",
    columns=("found in", "PTB", "WikiText-2", "enwik8", "text8", "WikiText-103", "1BW", "mean"),
    rows=(
        ("the set's own train split", "2.67", "0.66", "7.50", "2.34", "9.09", "13.19", "5.9"),
        ("WebText train split", "0.88", "1.63", "6.31", "3.94", "2.42", "3.75", "3.2"),
    ),
)
