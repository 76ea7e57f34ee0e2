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
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path, PurePosixPath

from gptpath.config.ingest import InstalledDocs
from gptpath.errors import CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources.source import Dropped, Unit

PYTHON = "python"
"""The name in `packages` that means the standard library."""

UNPARSABLE = "file_unparsable"
FILES_PER_UNIT = 100
SKIPPED_FOLDERS = frozenset({"test", "tests", "idle_test", "site-packages", "dist-packages"})

_FILE_BYTES = 20_000
"""Size of a source file, roughly; asking the file system about each would take longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One installed distribution, or the standard library."""

    name: str
    root: Path
    version: str
    licence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledDocsSource:
    """Docstrings of the packages that the settings name (see the module's head)."""

    settings: InstalledDocs

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`."""
        return self.settings.name

    def units(self) -> Sequence[Unit]:
        """Batches of source files of one package; the parts are its name, version and files.

        Raises CorpusError for a distribution that is not installed or has no Python files.
        """
        units: list[Unit] = []
        for name in self.settings.packages:
            package, paths = find_package(name), list_source_files(name)
            for start in range(0, len(paths), FILES_PER_UNIT):
                files = [path.as_posix() for path in paths[start : start + FILES_PER_UNIT]]
                units.append(
                    Unit(
                        key=f"{name}@{start:06d}",
                        parts=(name, package.version, *files),
                        size=_FILE_BYTES * len(files),
                    )
                )
        return units

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Docstrings of the unit's files, file by file and in source order.

        Raises CorpusError where this process has another version of the package installed than
        the process that listed the unit.
        """
        name, version, *files = unit.parts
        package = find_package(name)
        if package.version != version:
            raise CorpusError(
                f"{name} is installed here in version {package.version}, but in {version} where "
                "ingest was started; install the same versions on all machines (requirements.lock)"
            )
        for file in files:
            yield from self._read_file(package, PurePosixPath(file))

    def _read_file(self, package: Package, file: PurePosixPath) -> Iterator[Document | Dropped]:
        module = _module_name(file)
        tree = _parse(package, file)
        if tree is None:
            yield Dropped(location=module, reason=UNPARSABLE)
            return
        for name, text in docstrings(tree):
            if len(text) >= self.settings.min_chars:
                yield Document(
                    text=text,
                    source=self.settings.name,
                    kind=self.settings.kind,
                    location=f"{module}:{name}" if name else module,
                    group=package.name,
                    licence=package.licence,
                    metadata={"version": package.version},
                )


def find_package(name: str) -> Package:
    """Look a distribution up; CorpusError if it is not installed."""
    if name == PYTHON:
        return Package(
            name=PYTHON,
            root=Path(sysconfig.get_path("stdlib")),
            version=platform.python_version(),
            licence="PSF-2.0",
        )
    dist = _distribution(name)
    return Package(
        name=name,
        root=Path(str(dist.locate_file(""))),
        version=dist.version.partition("+")[0],  # one release, whatever the build (+cpu)
        licence=_licence(dist),
    )


def list_source_files(name: str) -> list[PurePosixPath]:
    """Python files of a distribution, sorted, tests left out; relative to its root.

    Raises CorpusError if it is not installed or has no Python files.
    """
    if name == PYTHON:
        return _standard_library()
    wanted = sorted(path for path in _recorded_python_files(_distribution(name)) if _wanted(path))
    if not wanted:
        raise CorpusError(
            f"ingest.sources names the package {name!r}, whose installation records no Python "
            "files (an editable or a system package?); install it from a wheel or take it out"
        )
    return wanted


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise CorpusError(
            f"ingest.sources names the package {name!r}, which is not installed here; "
            f"install it (pip install {name}) or take it out of `packages`"
        ) from None


def _recorded_python_files(dist: Distribution) -> set[PurePosixPath]:
    record = dist.read_text("RECORD")
    if record is None:
        return {PurePosixPath(file.as_posix()) for file in dist.files or [] if file.suffix == ".py"}
    # `dist.files` would ask the file system about each of the many thousand files.
    names = (row[0] for row in csv.reader(record.splitlines()) if row)
    return {PurePosixPath(name) for name in names if name.endswith(".py")}


def _standard_library() -> list[PurePosixPath]:
    root = Path(sysconfig.get_path("stdlib"))
    relative: list[PurePosixPath] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        place = PurePosixPath(Path(folder).relative_to(root).as_posix())
        relative += [place / name for name in names if name.endswith(".py")]
    return [
        path
        for path in sorted(relative)
        # config-3.x-<platform> holds build scripts; its name differs between machines.
        if _wanted(path) and not path.parts[0].startswith(("config-", "_sysconfigdata"))
    ]


def _wanted(path: PurePosixPath) -> bool:
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


def _parse(package: Package, file: PurePosixPath) -> ast.Module | None:
    """Syntax tree of one file; None if this Python cannot parse it (templates, other versions)."""
    collecting = gc.isenabled()
    gc.disable()  # syntax trees are large and without cycles: saves a third of the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's code
            return ast.parse((package.root / file).read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return None
    except OSError as error:
        raise CorpusError(
            f"{package.name} is installed but its file {package.root / file} cannot be read "
            f"({error}); reinstall {package.name}"
        ) from None
    finally:
        if collecting:
            gc.enable()


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
