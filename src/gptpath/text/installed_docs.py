"""The embedded default source: docstrings of the Python installation and of installed packages.

Real English technical prose that every installation already has. The source code is parsed, never
imported, so nothing of it runs. The result depends on the installed versions alone: not on where
they are installed, nor on the order in which a file system lists files.
"""

import ast
import csv
import gc
import inspect
import os
import platform
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path, PurePosixPath

from gptpath.errors import CorpusError
from gptpath.events import Emit, Progress
from gptpath.text.documents import Document

SOURCE = "installed-docs"
PYTHON = "python"
"""The name in `ingest.packages` that means the standard library."""

FILES_PER_BATCH = 100
SKIPPED_FOLDERS = frozenset({"test", "tests", "idle_test", "site-packages", "dist-packages"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One Python file to read docstrings from."""

    path: Path
    module: str
    """Dotted name under which Python would import the file."""
    group: str
    licence: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """What a batch of files yielded."""

    documents: list[Document]
    unparsable: int
    """Files that this Python cannot parse (templates, code for other versions)."""


def read_installed_docs(
    packages: Sequence[str], *, min_chars: int, executor: Executor, emit: Emit
) -> Extracted:
    """Docstrings of at least `min_chars` characters of the named distributions.

    Work goes through `executor` in batches of files; the result does not depend on it.
    Raises CorpusError for a distribution that is not installed or has no Python files.
    """
    files = [file for name in packages for file in list_source_files(name)]
    batches = [files[i : i + FILES_PER_BATCH] for i in range(0, len(files), FILES_PER_BATCH)]
    futures = [executor.submit(extract_batch, batch, min_chars) for batch in batches]
    documents: list[Document] = []
    unparsable = 0
    for done, future in enumerate(futures, start=1):
        extracted = future.result()
        documents += extracted.documents
        unparsable += extracted.unparsable
        emit(Progress(done=done, total=len(futures), what="batches of source files"))
    return Extracted(documents=documents, unparsable=unparsable)


def list_source_files(package: str) -> list[SourceFile]:
    """Python files of one distribution, in the order of their relative paths, tests left out."""
    if package == PYTHON:
        return _standard_library()
    try:
        dist = distribution(package)
    except PackageNotFoundError:
        raise CorpusError(
            f"ingest.packages names {package!r}, which is not installed here; "
            f"install it (pip install {package}) or take it out of ingest.packages"
        ) from None
    wanted = sorted(path for path in _recorded_python_files(dist) if _is_wanted(path))
    if not wanted:
        raise CorpusError(
            f"ingest.packages names {package!r}, whose installation records no Python files "
            "(an editable or a system package?); install it from a wheel or take it out"
        )
    root = Path(str(dist.locate_file("")))
    licence = _licence(dist)
    version = dist.version.partition("+")[0]  # one release, whatever the build (+cpu)
    return [
        SourceFile(
            path=root / path,
            module=_module_name(path),
            group=package,
            licence=licence,
            version=version,
        )
        for path in wanted
    ]


def _recorded_python_files(dist: Distribution) -> set[PurePosixPath]:
    record = dist.read_text("RECORD")
    if record is None:
        return {PurePosixPath(file.as_posix()) for file in dist.files or [] if file.suffix == ".py"}
    # `dist.files` would ask the file system about each of the many thousand files.
    names = (row[0] for row in csv.reader(record.splitlines()) if row)
    return {PurePosixPath(name) for name in names if name.endswith(".py")}


def _standard_library() -> list[SourceFile]:
    root = Path(sysconfig.get_path("stdlib"))
    relative: list[PurePosixPath] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        place = PurePosixPath(Path(folder).relative_to(root).as_posix())
        relative += [place / name for name in names if name.endswith(".py")]
    return [
        SourceFile(
            path=root / path,
            module=_module_name(path),
            group=PYTHON,
            licence="PSF-2.0",
            version=platform.python_version(),
        )
        for path in sorted(relative)
        # config-3.x-<platform> holds build scripts; its name differs between machines.
        if _is_wanted(path) and not path.parts[0].startswith(("config-", "_sysconfigdata"))
    ]


def _is_wanted(path: PurePosixPath) -> bool:
    return (
        ".." not in path.parts
        and not SKIPPED_FOLDERS.intersection(path.parts[:-1])
        and not path.name.startswith("test_")
        and ("testing", "_internal") not in pairwise(path.parts)
        and path.name != "conftest.py"
    )


def _module_name(path: PurePosixPath) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _licence(dist: Distribution) -> str:
    """The SPDX expression, else the licence classifiers, else the first line of the field."""
    fields = dist.metadata.json
    if expression := fields.get("license_expression"):
        return str(expression)
    classifiers = [c for c in fields.get("classifier", []) if c.startswith("License ::")]
    if classifiers:
        return "; ".join(c.rpartition(" :: ")[2] for c in classifiers)
    lines = str(fields.get("license", "")).strip().splitlines()
    return lines[0].strip() if lines else ""


def extract_batch(files: Sequence[SourceFile], min_chars: int) -> Extracted:
    """Docstrings of some files, file by file and in source order."""
    collecting = gc.isenabled()
    gc.disable()  # syntax trees are large and without cycles: saves a third of the time
    try:
        documents: list[Document] = []
        unparsable = 0
        for file in files:
            found = _extract(file, min_chars)
            if found is None:
                unparsable += 1
            else:
                documents += found
        return Extracted(documents=documents, unparsable=unparsable)
    finally:
        if collecting:
            gc.enable()


def _extract(file: SourceFile, min_chars: int) -> list[Document] | None:
    """Docstrings of one file; None if it cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's code
            tree = ast.parse(file.path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return None
    except OSError as error:
        raise CorpusError(
            f"{file.group} is installed but its file {file.path} cannot be read ({error}); "
            f"reinstall {file.group}"
        ) from None
    return [
        Document(
            text=text,
            source=SOURCE,
            location=f"{file.module}:{name}" if name else file.module,
            group=file.group,
            licence=file.licence,
            metadata={"version": file.version},
        )
        for name, text in docstrings(tree)
        if len(text) >= min_chars
    ]


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (qualified name, cleaned docstring) of a module and all its classes and functions."""
    yield from _own_docstring(tree, "")
    yield from _inner_docstrings(tree, "")


def _inner_docstrings(node: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            name = prefix + child.name
            yield from _own_docstring(child, name)
            yield from _inner_docstrings(child, f"{name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            name = prefix + child.name
            yield from _own_docstring(child, name)
            yield from _inner_docstrings(child, f"{name}.<locals>.")
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _inner_docstrings(child, prefix)


def _own_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str
) -> Iterator[tuple[str, str]]:
    text = ast.get_docstring(node, clean=False)
    if text:
        yield name, inspect.cleandoc(text)
