"""Generated answers against references: exact match, F1, ROUGE, BLEU."""

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gptpath.zeroshot.results import Rows

ROUGE_TYPES = {"rouge1": "rouge-1", "rouge2": "rouge-2", "rougeL": "rouge-l"}
SUMMARY_TYPES = {"rougeLsum": "rouge-l-summary"}
"""ROUGE-L of summaries of several lines, by lines: what papers on CNN/Daily Mail print as R-L."""
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """Lower case, no ASCII punctuation, no articles, single blanks: the rule of SQuAD and CoQA."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(text: str, references: Sequence[str]) -> float:
    """1 if the normalised text equals a normalised reference."""
    return float(any(normalise(text) == normalise(reference) for reference in references))


def f1(text: str, reference: str) -> float:
    """F1 of the normalised words as multisets; two empty ones agree."""
    found, wanted = normalise(text).split(), normalise(reference).split()
    if not found or not wanted:
        return float(found == wanted)
    common = sum((Counter(found) & Counter(wanted)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(found), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def best_f1(text: str, references: Sequence[str]) -> float:
    """The best F1 over the references."""
    return max(f1(text, reference) for reference in references)


def coqa_score(
    text: str, references: Sequence[str], metric: Callable[[str, Sequence[str]], float]
) -> float:
    """CoQA's official rule for several references: the mean over leaving each one out.

    A person's own answer is scored against the others' alone, and so is a model's.
    """
    if len(references) == 1:
        return metric(text, references)
    left_out = [
        metric(text, [*references[:i], *references[i + 1 :]]) for i in range(len(references))
    ]
    return sum(left_out) / len(left_out)


def rouge(
    texts: Sequence[str],
    references: Sequence[Sequence[str]],
    types: Mapping[str, str] = ROUGE_TYPES,
) -> dict[str, list[float]]:
    """F1 of ROUGE per item, best over its references, by rouge-score with stemming."""
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import DefaultTokenizer

    scorer = RougeScorer(list(types), tokenizer=DefaultTokenizer(use_stemmer=True))
    found: dict[str, list[float]] = {name: [] for name in types.values()}
    for text, of_item in zip(texts, references, strict=True):
        scored = [scorer.score(reference, text) for reference in of_item]
        for kind, name in types.items():
            found[name].append(max(float(values[kind].fmeasure) for values in scored))
    return found


def bleu_sums(texts: Sequence[str], references: Sequence[Sequence[str]]) -> Rows:
    """Per item what corpus BLEU adds up (see statistics.corpus_bleu), by sacrebleu's `13a`."""
    from sacrebleu.metrics.bleu import BLEU

    scorer = BLEU()
    rows: list[list[float]] = []
    for text, of_item in zip(texts, references, strict=True):
        counted = scorer.corpus_score([text], [[reference] for reference in of_item])
        rows.append([counted.sys_len, counted.ref_len, *counted.counts, *counted.totals])
    return np.array(rows, dtype=np.float64)


METRIC_VALUES: dict[
    str, Callable[[Sequence[str], Sequence[Sequence[str]]], dict[str, list[float]]]
] = {
    "exact-match": lambda texts, refs: {
        "exact-match": [exact_match(t, r) for t, r in zip(texts, refs, strict=True)]
    },
    "f1": lambda texts, refs: {"f1": [best_f1(t, r) for t, r in zip(texts, refs, strict=True)]},
    "rouge": rouge,
}
"""Per-item metrics of prompt tasks: texts and their references -> {score: value per item}."""
