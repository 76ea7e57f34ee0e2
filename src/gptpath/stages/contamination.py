"""Stage `contamination`: n-gram overlap of every test set with the corpus (GPT-2 sec. 4).

Reads data/corpus/train, data/tasks and the benchmarks present in
zeroshot.benchmarks_dir; writes metrics/contamination.json.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gptpath.contamination.bloom import FALSE_POSITIVE_RATE
from gptpath.contamination.ngrams import NgramHasher
from gptpath.contamination.overlap import Item, Overlap, corpus_filter, measure_overlap
from gptpath.events import Progress
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.stages.public_texts import benchmark_texts, published_texts, texts
from gptpath.text.documents import count_documents, read_texts
from gptpath.text.json_files import write_json
from gptpath.text.labelled.task_files import KEYS, read_items, read_specs
from gptpath.zeroshot.benchmarks import catalogue

LISTED = ("lambada", "wikitext-2", "winograd")
"""Public test sets that are reported as absent here; what else is absent, the zero-shot and
fine-tuning results list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TestSet:
    """One test set as texts; read only when its turn comes."""

    name: str
    test: Callable[[], list[Item]]
    own_train: Callable[[], list[Item]] | None


def run(context: StageContext) -> StageOutcome:
    """Measure the overlap of all test sets; raises CorpusError for missing or damaged inputs."""
    corpus = context.path("data", "corpus", "train")
    sets, absent = _test_sets(
        context.path("data", "tasks"), context.path(context.params.zeroshot.benchmarks_dir)
    )
    hasher = NgramHasher(context.params.contamination.ngram_words)
    documents = count_documents(corpus)
    bloom = corpus_filter(
        partial(read_texts, corpus),
        hasher,
        lambda added: context.emit(Progress(done=added, total=documents, what="documents")),
    )
    overlaps = [
        measure_overlap(
            each.name,
            each.test(),
            bloom,
            hasher,
            own_train=each.own_train() if each.own_train else None,
        )
        for each in sets
    ]
    write_json(
        context.path("metrics", "contamination.json"),
        {
            "ngram_words": hasher.n,
            "false_positive_rate": FALSE_POSITIVE_RATE,
            "sets": [_row(overlap) for overlap in overlaps],
            "absent": absent,
        },
    )
    return StageOutcome(metrics={f"contamination/{o.name}": o.share for o in overlaps})


def _row(overlap: Overlap) -> dict[str, Any]:
    return asdict(overlap) | {"share": overlap.share}


def _test_sets(tasks: Path, folder: Path) -> tuple[list[TestSet], dict[str, str]]:
    """Every embedded task, then every benchmark; and why some of them are absent."""
    sets: list[TestSet] = []
    absent: dict[str, str] = {}
    for name, spec in read_specs(tasks).items():
        if spec.absent is not None:
            absent[name] = spec.absent
            continue
        sets.append(
            TestSet(
                name=name,
                test=partial(_embedded, tasks, name, ("test",)),
                own_train=partial(_embedded, tasks, name, ("train",)),
            )
        )
    present = benchmark_texts(folder)
    for name in dict.fromkeys([*LISTED, *present]):
        if name in present:
            sets.append(TestSet(name=name, test=present[name], own_train=None))
        else:
            absent[name] = catalogue.absence(folder, name) or ""
    for name, test, train in published_texts(folder):
        sets.append(TestSet(name=name, test=test, own_train=train))
    return sets, absent


def _embedded(tasks: Path, name: str, splits: Sequence[str]) -> list[Item]:
    rows = (row for split in splits for row in read_items(tasks, name, split))
    return [texts({k: v for k, v in row.items() if k not in KEYS}) for row in rows]
