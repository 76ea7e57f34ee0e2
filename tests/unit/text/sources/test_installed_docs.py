import ast
import shutil
import textwrap
from collections import Counter
from dataclasses import replace
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from gptpath.config.ingest import InstalledDocs
from gptpath.errors import CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources import installed_docs
from gptpath.text.sources.installed_docs import (
    UNPARSABLE,
    InstalledDocsSource,
    docstrings,
    list_source_files,
)
from gptpath.text.sources.source import Dropped

SOURCE = '''
"""Module doc."""
if True:
    class Outer:
        """Outer doc.

            Indented.
        Not indented.
        """
        def method(self):
            """Method doc."""
            def inner():
                "Inner doc."
        async def later(self):
            """Later doc."""
try:
    pass
except ValueError:
    def fallback():
        """Fallback doc."""
def bare():
    return "no docstring"
'''


def install(site: Path, files: dict[str, str]) -> Path:
    info = site / "sample-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: sample\nVersion: 1.0+cpu\n"
        "Classifier: License :: OSI Approved :: MIT License\n"
    )
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files) + "sample/x.so,,\n")
    for name, text in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return info


@pytest.fixture
def site(tmp_path, monkeypatch):
    doc = '"""{} documentation that is long enough."""\n'
    info = install(
        tmp_path / "site",
        {
            "sample/b.py": doc.format("Second") + "raise SystemExit('imported')\n",
            "sample/__init__.py": doc.format("First"),
            "sample/tests/test_b.py": doc.format("Test"),
            "sample/conftest.py": doc.format("Fixture"),
            "sample/template.py": "{{ no python }",
            "../../bin/tool.py": doc.format("Outside"),
        },
    )
    monkeypatch.setattr(installed_docs, "distribution", lambda name: PathDistribution(info))
    return tmp_path / "site"


def source(package: str, min_chars: int = 10) -> InstalledDocsSource:
    return InstalledDocsSource(settings=InstalledDocs(packages=(package,), min_chars=min_chars))


def read(package: str, min_chars: int = 10) -> tuple[list[Document], Counter[str]]:
    """Documents of all units, and drops by reason."""
    opened = source(package, min_chars)
    found = [one for unit in opened.units() for one in opened.read(unit)]
    dropped = Counter(one.reason for one in found if isinstance(one, Dropped))
    return [one for one in found if isinstance(one, Document)], dropped


def test_docstrings_have_qualified_names_and_are_dedented():
    found = dict(docstrings(ast.parse(textwrap.dedent(SOURCE))))
    assert found == {
        "": "Module doc.",
        "Outer": "Outer doc.\n\n    Indented.\nNot indented.",
        "Outer.method": "Method doc.",
        "Outer.method.<locals>.inner": "Inner doc.",
        "Outer.later": "Later doc.",
        "fallback": "Fallback doc.",
    }


def test_a_distribution_is_parsed_not_imported_and_its_tests_are_left_out(site):
    documents, dropped = read("sample")
    assert [d.location for d in documents] == ["sample", "sample.b"]
    assert dropped == {UNPARSABLE: 1}
    document = documents[0]
    assert (document.group, document.licence) == ("sample", "MIT License")
    assert document.metadata == {"version": "1.0"}


def test_where_a_package_is_installed_does_not_matter(site, tmp_path, monkeypatch):
    before = read("sample")
    moved = shutil.move(site, tmp_path / "elsewhere")
    info = PathDistribution(Path(moved) / "sample-1.0.dist-info")
    monkeypatch.setattr(installed_docs, "distribution", lambda name: info)
    assert read("sample") == before


def test_short_docstrings_are_not_read(site):
    assert read("sample", min_chars=1000)[0] == []


def test_a_distribution_that_is_not_installed_is_named():
    with pytest.raises(CorpusError, match="no-such-distribution.*pip install"):
        list_source_files("no-such-distribution")


def test_a_distribution_without_python_files_is_refused(tmp_path, monkeypatch):
    info = install(tmp_path, {})
    monkeypatch.setattr(installed_docs, "distribution", lambda name: PathDistribution(info))
    with pytest.raises(CorpusError, match="no Python files"):
        list_source_files("sample")


def test_a_recorded_file_that_is_gone_is_an_error_not_a_silent_loss(site):
    (site / "sample" / "b.py").unlink()
    with pytest.raises(CorpusError, match="reinstall sample"):
        read("sample")


def test_the_standard_library_has_no_tests_and_no_installed_packages():
    files = list_source_files("python")
    assert {"json/__init__.py", "asyncio/tasks.py", "ast.py"} <= set(map(str, files))
    assert not any({"test", "site-packages"} & set(file.parts) for file in files)


def test_units_are_batches_of_files_that_change_nothing(site, monkeypatch):
    whole = read("sample")
    monkeypatch.setattr(installed_docs, "FILES_PER_UNIT", 1)
    units = source("sample").units()
    assert [unit.key for unit in units] == ["sample@000000", "sample@000001", "sample@000002"]
    assert [unit.parts[:2] for unit in units] == [("sample", "1.0")] * 3
    assert read("sample") == whole


def test_another_version_where_a_unit_is_read_is_refused(site):
    [unit] = source("sample").units()
    other = replace(unit, parts=("sample", "0.9", *unit.parts[2:]))
    with pytest.raises(CorpusError, match=r"version 1\.0, but in 0\.9 where ingest was started"):
        list(source("sample").read(other))
