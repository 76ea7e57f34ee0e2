"""Loading published data sets from folders that tests have made."""

from pathlib import Path

from gptpath.config.data_sets import DataSets
from gptpath.finetune.reading.assemble import Assembled
from gptpath.finetune.suite.loading import load_published
from gptpath.finetune.suite.table import TABLE

SETTINGS = DataSets(drop_duplicates=False)


def load(name, folder, settings=SETTINGS, **changes) -> Assembled:
    found = load_published(TABLE[name], Path(folder), settings, **changes)
    assert isinstance(found, Assembled), found
    return found


def sizes(found):
    return {split: len(rows) for split, rows in found.splits.items()}


def numbered(count, *columns):
    return [[column.format(i) for column in columns] for i in range(count)]
