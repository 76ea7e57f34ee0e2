"""GPT-1's zero-shot heuristics (GPT-1 sec. 5, Figure 2 right): readers and protocols together."""

from pathlib import Path

from gptpath.zeroshot.benchmarks.catalogue import COLA_TESTS, FILES, missing
from gptpath.zeroshot.benchmarks.files import find, read_rows
from gptpath.zeroshot.benchmarks.gpt1_sets import read_cola, read_pronouns, read_race
from gptpath.zeroshot.heuristics import (
    pronoun_item,
    race_item,
    score_cola,
    score_pronouns,
    score_race,
    score_sentiment,
    sentence_item,
)
from gptpath.zeroshot.sources import (
    AbsentError,
    Builder,
    Malformed,
    ScoreModel,
    Sources,
    rows_task,
    some_items,
)


def _cola(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    """Tuned on the first `max_items` of train, tested on both development sets taken in turn."""
    folder = sources.benchmarks
    train = find(folder, FILES[name])
    tests = [[find(folder, (each,)) for each in names] for names in COLA_TESTS]
    files = next((found for found in tests if all(found)), None)
    if train is None or files is None:
        raise AbsentError(missing(COLA_TESTS[0]))
    per_file = None if sources.max_items is None else -(-sources.max_items // len(files))
    rows = [row for file in files if file is not None for row in read_cola(file)[:per_file]]
    tuning, malformed = some_items(
        read_cola(train)[: sources.max_items], sentence_item, "CoLA's train split"
    )
    test, bad = some_items(rows, sentence_item, "CoLA's development splits")
    malformed.update(bad)
    return lambda scorer, report: score_cola(scorer, report, tuning, test), malformed


def _race(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    path = _race_path(sources.benchmarks)
    rows = read_race(path)[: sources.max_items]
    items, malformed = some_items(rows, race_item, f"{name} in the folder of benchmarks")
    return lambda scorer, report: score_race(scorer, report, items), malformed


def _race_path(folder: Path) -> Path:
    found = find(folder, FILES["race"])
    if found is not None:
        return found
    return next(folder / name for name in FILES["race"] if (folder / name).is_dir())


BUILDERS: dict[str, Builder] = {
    "cola": _cola,
    "sst-2": rows_task(score_sentiment, sentence_item, read_rows),
    "race": _race,
    "dprd": rows_task(score_pronouns, pronoun_item, read_pronouns),
    "dprd-train": rows_task(score_pronouns, pronoun_item, read_pronouns),
}
