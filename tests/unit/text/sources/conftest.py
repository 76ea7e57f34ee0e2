import pickle
from collections.abc import Callable

import pytest

from gptpath.text.documents import Document
from gptpath.text.sources.source import Dropped, Source

Found = tuple[list[Document], list[Dropped]]


@pytest.fixture
def read_all() -> Callable[[Source], Found]:
    return read_source


def read_source(source: Source) -> Found:
    """All that a source has; holds what the pipeline relies on to spread and resume work."""
    units = list(source.units())
    assert list(source.units()) == units
    keys = [unit.key for unit in units]
    assert keys == sorted(set(keys))
    again = pickle.loads(pickle.dumps(source))
    by_unit = {unit.key: list(source.read(unit)) for unit in units}
    for unit in reversed(units):
        assert list(again.read(unit)) == by_unit[unit.key]
    found = [one for unit in units for one in by_unit[unit.key]]
    documents = [one for one in found if isinstance(one, Document)]
    return documents, [one for one in found if isinstance(one, Dropped)]
