import gzip
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
import zstandard

from gptpath.config.ingest import Files, Ingest, Jsonl, Parquet
from gptpath.config.loading import parse_params
from gptpath.events import ignore
from gptpath.text.corpus import build_corpus, list_work
from gptpath.text.documents import read_documents
from gptpath.text.sources.jsonl import MALFORMED
from gptpath.text.sources.opening import open_source
from gptpath.text.sources.records import TEXT_MISSING

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
    of_the_web = {"warc", "web_pages", "webtext"}  # these have a page of their own
    reasons = {
        reason
        for module in modules
        if module.stem not in of_the_web
        for reason in constants.findall(module.read_text("utf-8"))
    }
    assert len(reasons) > 15
    assert not {reason for reason in reasons if f"`{reason}`" not in PAGE}


def test_a_corpus_of_several_kinds_holds_every_text_once(tmp_path):
    raw = tmp_path / "raw"
    for folder in ("books", "dump", "tables"):
        (raw / folder).mkdir(parents=True)
    texts = [" ".join(f"word{n}x{k} stands here" for k in range(20)) for n in range(90)]
    for n, text in enumerate(texts[:30]):
        (raw / "books" / f"{n}.txt.zst").write_bytes(zstandard.compress(text.encode()))
    lines = [json.dumps({"text": text}) for text in texts[30:61]]
    (raw / "dump" / "a.ndjson.gz").write_bytes(gzip.compress("\n".join(["{", *lines]).encode()))
    pl.DataFrame({"text": [*texts[61:], None]}).write_parquet(raw / "tables" / "a.parquet")
    ingest = Ingest(
        sources=(Files(path="books"), Jsonl(path="dump"), Parquet(path="tables")),
        tasks_fraction=0.1,
    )
    with ThreadPoolExecutor(1) as executor:
        corpus = build_corpus(
            ingest,
            list_work(ingest, raw),
            seed=1,
            scratch=tmp_path / "scratch",
            executor=executor,
            emit=ignore,
        )
    documents = [
        document for split in corpus.splits for document in read_documents(corpus.folder / split)
    ]
    assert sorted(document.text for document in documents) == sorted(texts)
    kinds = Counter(document.kind for document in documents)
    assert kinds == {"files": 30, "jsonl": 31, "parquet": 29}
    assert corpus.dropped == {MALFORMED: 1, TEXT_MISSING: 1}
