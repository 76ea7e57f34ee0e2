from collections.abc import Callable
from dataclasses import replace

import pytest

from gptpath.text.documents import Document
from gptpath.text.installed_docs import PYTHON, extract_batch, list_source_files

GROUPS = ("asyncio", "email", "logging", "unittest", "http", "collections", "concurrent")


@pytest.fixture
def document() -> Callable[..., Document]:
    def build(text: str = "Some words.", **fields: str) -> Document:
        given = {"source": "installed-docs", "location": "a.b:c", "group": "a"} | fields
        return Document(text=text, **given)  # pyright: ignore[reportArgumentType]

    return build


@pytest.fixture(scope="session")
def docstrings() -> list[Document]:
    """Real docstrings of a few packages of the standard library, one group a package."""
    files = [f for f in list_source_files(PYTHON) if f.module.split(".")[0] in GROUPS]
    documents = extract_batch(files, 120).documents
    return [replace(d, group=d.location.split(".")[0]) for d in documents]
