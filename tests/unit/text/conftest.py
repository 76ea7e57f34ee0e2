from collections.abc import Callable
from dataclasses import replace

import pytest

from gptpath.config.ingest import InstalledDocs
from gptpath.text.documents import Document
from gptpath.text.sources.installed_docs import PYTHON, InstalledDocsSource, list_source_files
from gptpath.text.sources.source import Unit

GROUPS = ("asyncio", "email", "logging", "unittest", "http", "collections", "concurrent")


@pytest.fixture
def document() -> Callable[..., Document]:
    def build(text: str = "Some words.", **fields: str) -> Document:
        kind = "installed-docs"
        given = {"source": kind, "kind": kind, "location": "a.b:c", "group": "a"} | fields
        return Document(text=text, **given)  # pyright: ignore[reportArgumentType]

    return build


@pytest.fixture(scope="session")
def docstrings() -> list[Document]:
    """Real docstrings of a few packages of the standard library, one group a package."""
    source = InstalledDocsSource(settings=InstalledDocs(packages=(PYTHON,), min_chars=120))
    [version] = {unit.parts[1] for unit in source.units()}
    files = [f for f in list_source_files(PYTHON) if f.with_suffix("").parts[0] in GROUPS]
    unit = Unit(key="some", parts=(PYTHON, version, *map(str, files)), size=1)
    documents = [d for d in source.read(unit) if isinstance(d, Document)]
    return [replace(d, group=d.location.partition(":")[0].split(".")[0]) for d in documents]
