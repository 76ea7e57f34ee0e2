import re
from pathlib import Path

import pytest

from gptpath.config.loading import parse_params
from gptpath.text.sources.opening import open_source

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_source_on_the_page_can_be_opened(snippet, tmp_path):
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe")
    values = yaml.load((ROOT / "profiles" / "laptop.yaml").read_text(encoding="utf-8"))
    values["ingest"]["sources"] = yaml.load(snippet)
    (settings,) = parse_params(values, where="docs/sources.md").ingest.sources
    source = open_source(settings, tmp_path)
    assert source.name == settings.name


def test_the_page_shows_every_kind_of_this_machine_and_the_hub():
    kinds = re.findall(r"^## ([a-z-]+)$", PAGE, re.MULTILINE)
    shown = [re.search(r"kind: ([a-z-]+)", snippet)[1] for snippet in SNIPPETS]
    assert list(dict.fromkeys(shown)) == kinds


def test_every_reason_of_a_drop_is_explained_on_the_page():
    modules = (ROOT / "src" / "gptpath" / "text" / "sources").glob("*.py")
    constants = re.compile(r'^[A-Z_0-9]+ = "((?:file|record|text|page)_[a-z_0-9]+)"$', re.MULTILINE)
    reasons = {r for module in modules for r in constants.findall(module.read_text("utf-8"))}
    assert len(reasons) > 15
    missing = {reason for reason in reasons if f"`{reason}`" not in PAGE}
    assert missing <= {"file_unparsable"}  # of installed-docs, in docs/formats.md
