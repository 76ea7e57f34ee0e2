"""Stage `ingest`: sources -> cleaned, deduplicated documents, split; labelled tasks.

Reads ingest.raw or the installed packages; writes data/corpus, data/tasks, metrics/ingest.json.
"""

import multiprocessing
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.corpus import Corpus, build_corpus
from gptpath.text.documents import write_documents
from gptpath.text.embedded_tasks import derive_tasks
from gptpath.text.json_files import write_json

PROCESSES = 2
"""Side by side over files; changes no result."""


def run(context: StageContext) -> StageOutcome:
    """Build the corpus and derive the labelled tasks from its `tasks` split."""
    ingest = context.params.ingest
    # Threads of Polars do not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as executor:
        corpus = build_corpus(
            ingest,
            raw=context.path(ingest.raw),
            seed=context.params.seed,
            executor=executor,
            emit=context.emit,
        )
    for split, documents in corpus.splits.items():
        write_documents(context.path("data", "corpus", split), documents)
    items = derive_tasks(
        corpus.splits["tasks"],
        context.path("data", "tasks"),
        seed=context.params.seed,
        most_items=ingest.task_examples,
        emit=context.emit,
    )
    metrics = _metrics(corpus, items)
    write_json(context.path("metrics", "ingest.json"), metrics)
    flat = {f"documents/{split}": n for split, n in metrics["documents"].items()}
    flat |= {f"dropped/{reason}": n for reason, n in metrics["dropped"].items()}
    flat |= {f"items/{task}": sum(by_split.values()) for task, by_split in items.items()}
    return StageOutcome(metrics={name: float(n) for name, n in flat.items()})


def _metrics(corpus: Corpus, items: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    groups: Counter[str] = Counter(d.group for ds in corpus.splits.values() for d in ds)
    return {
        "read": corpus.read,
        "documents": {split: len(ds) for split, ds in corpus.splits.items()},
        "characters": {split: sum(len(d.text) for d in ds) for split, ds in corpus.splits.items()},
        "dropped": dict(corpus.dropped),
        "groups": dict(groups),
        "tasks": {task: dict(by_split) for task, by_split in items.items()},
    }
