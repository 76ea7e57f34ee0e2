"""Stage `ingest`: sources -> cleaned, deduplicated documents, split; labelled tasks.

Reads what lies below ingest.raw, and the installed packages; writes data/corpus, data/tasks and
metrics/ingest.json.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gptpath.config.ingest import Ingest
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.corpus import Corpus, Work, build_corpus, list_work, publish
from gptpath.text.corpus_metrics import corpus_metrics
from gptpath.text.documents import Document, iter_documents
from gptpath.text.embedded_tasks import derive_tasks
from gptpath.text.executors import open_executor
from gptpath.text.interpreter import check_interpreter
from gptpath.text.json_files import write_json
from gptpath.text.scratch import fingerprint, scratch_folder
from gptpath.text.sources.opening import prepare_sources

TASK_BYTES = 8_000_000
"""Text of the `tasks` split, at most, that labelled tasks are derived from."""


def run(context: StageContext) -> StageOutcome:
    """Build the corpus and derive the labelled tasks from its `tasks` split."""
    check_interpreter(context.root)
    ingest, seed = context.params.ingest, context.params.seed
    raw = context.path(ingest.raw)
    with open_executor(context.params.parallel) as executor:
        prepare_sources(ingest.sources, raw, executor=executor, emit=context.emit)
        work = list_work(ingest, raw)
        name = fingerprint(_what_decides(ingest, seed, work), raw)
        with scratch_folder(context.scratch / "ingest", name) as scratch:
            corpus = build_corpus(
                ingest, work, seed=seed, scratch=scratch, executor=executor, emit=context.emit
            )
            metrics = _finish(corpus, context)
    flat = {f"documents/{split}": n for split, n in metrics["documents"].items()}
    flat |= {f"dropped/{reason}": n for reason, n in metrics["dropped"].items()}
    flat |= {f"bytes/{name}": entry["bytes"] for name, entry in metrics["sources"].items()}
    flat |= {f"items/{task}": sum(by.values()) for task, by in metrics["tasks"].items()}
    return StageOutcome(metrics={name: float(n) for name, n in flat.items()})


def _what_decides(ingest: Ingest, seed: int, work: Work) -> dict[str, Any]:
    units = [(source.name, *asdict(unit).values()) for source, unit in work]
    return {"seed": seed, "ingest": asdict(ingest), "units": units}


def _finish(corpus: Corpus, context: StageContext) -> dict[str, Any]:
    """Derive the tasks, write the metrics, and at last move the corpus to its place."""
    items = derive_tasks(
        list(_held_out(corpus)),
        context.path("data", "tasks"),
        seed=context.params.seed,
        most_items=context.params.ingest.task_examples,
        emit=context.emit,
    )
    metrics = corpus_metrics(corpus, context.params.ingest)
    metrics["tasks"] = {task: dict(by_split) for task, by_split in items.items()}
    write_json(context.path("metrics", "ingest.json"), metrics)
    publish(corpus, context.path("data", "corpus"))
    return metrics


def _held_out(corpus: Corpus) -> Iterator[Document]:
    """Documents of the tasks split in id order, which is a random one, up to TASK_BYTES."""
    size = 0
    for document in iter_documents(corpus.folder / "tasks"):
        size += len(document.text.encode())
        if size > TASK_BYTES:
            return
        yield document
