import builtins
import gzip
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gptpath.config.ingest import HuggingFace
from gptpath.errors import ConfigError, CorpusError
from gptpath.text.sources import huggingface, listing
from gptpath.text.sources.huggingface import HuggingFaceSource
from gptpath.text.sources.source import Dropped

pytest.importorskip("datasets")

REVISION = "0123456789abcdef" * 2 + "01234567"


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface.time, "sleep", lambda seconds: None)


@pytest.fixture
def raw(tmp_path) -> Path:
    """A data set of parquet files and one of JSON lines, both in the hub's layout."""
    pages = tmp_path / "pages"
    (pages / "data").mkdir(parents=True)
    for shard in range(3):
        frame = pl.DataFrame(
            {
                "text": [f"page {shard} {n}" for n in range(4)],
                "url": [f"https://a{n}.example.co.uk/{shard}" for n in range(4)],
            }
        )
        frame.write_parquet(pages / "data" / f"train-{shard:05d}-of-00003.parquet")
    frame.head(1).write_parquet(pages / "data" / "validation-00000-of-00001.parquet")
    card(pages, {"default": {"train": "data/train-*.parquet", "validation": "data/val*.parquet"}})
    books = tmp_path / "books"
    (books / "en").mkdir(parents=True)
    for shard in range(2):
        lines = [json.dumps({"body": f"book {shard} {n}", "n": n}) for n in range(3)]
        (books / "en" / f"{shard}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    (books / "de.jsonl").write_text('{"body": "Buch"}\n')
    card(books, {"en": {"train": "en/*.jsonl.gz"}, "de": {"train": "de.jsonl"}})
    return tmp_path


def card(folder: Path, configs: dict[str, dict[str, str]]) -> None:
    lines = ["---", "configs:"]
    for name, splits in configs.items():
        lines += [f"- config_name: {name}", "  data_files:"]
        for split, path in splits.items():
            lines += [f"  - split: {split}", f"    path: {path}"]
    (folder / "README.md").write_text("\n".join([*lines, "---", "# A data set"]))


def source(raw: Path, **settings) -> HuggingFaceSource:
    return HuggingFaceSource(settings=HuggingFace(**settings), raw=raw)


def test_every_file_of_a_split_is_a_unit_read_on_its_own(raw, read_all):
    pages = source(raw, path="pages", name="web")
    assert [unit.key for unit in pages.units()] == [f"train/{n:05d}" for n in range(3)]
    documents, dropped = read_all(pages)
    assert [d.text for d in documents] == [
        f"page {shard} {n}" for shard in range(3) for n in range(4)
    ]
    assert [d.location for d in documents][3:5] == ["train/00000:4", "train/00001:1"]
    assert {(d.source, d.kind, d.group) for d in documents} == {("web", "huggingface", "web")}
    assert not dropped


def test_split_and_columns_are_named_by_the_settings(raw, read_all):
    pytest.importorskip("tldextract")
    ((document,), _) = read_all(source(raw, path="pages", split="validation", url_column="url"))
    assert (document.location, document.group) == ("https://a0.example.co.uk/2", "example.co.uk")


def test_a_configuration_of_json_lines_is_read_too(raw, read_all):
    books = source(raw, path="books", config="en", text_column="body", metadata_columns=("n",))
    documents, _ = read_all(books)
    assert [d.text for d in documents] == [
        f"book {shard} {n}" for shard in range(2) for n in range(3)
    ]
    assert [d.location for d in documents][-1] == "en/train/00001:3"
    assert documents[-1].metadata == {"n": "2"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "nowhere"}, "there is no folder .*nowhere"),
        ({"path": "pages", "split": "test"}, r"Bad split: test. Available splits: \['train'"),
        ({"path": "pages", "config": "fr"}, "BuilderConfig 'fr' not found"),
        ({"path": "pages", "text_column": "body"}, "no column body; it has text, url"),
        ({"path": "books", "config": "en"}, "no column text; it has body, n"),
    ],
)
def test_what_the_data_set_lacks_is_named(raw, settings, message):
    with pytest.raises(CorpusError, match=message):
        source(raw, **settings).units()


def test_a_damaged_shard_is_counted_and_loses_nothing_else(raw, read_all):
    path = raw / "pages" / "data" / "train-00001-of-00003.parquet"
    path.write_bytes(path.read_bytes()[:100])
    documents, dropped = read_all(source(raw, path="pages"))
    assert [d.text for d in documents] == [
        f"page {shard} {n}" for shard in (0, 2) for n in range(4)
    ]
    assert dropped == [Dropped(location="train/00001:1", reason=listing.UNREADABLE)]


def test_columns_that_are_not_asked_for_lose_no_rows(raw, read_all):
    odd = raw / "odd"
    odd.mkdir()
    dates = pa.array([1, 10**14, 2], pa.timestamp("s"))  # Python has no such year
    pq.write_table(pa.table({"text": ["a", "b", "c"], "date": dates}), odd / "train.parquet")
    card(odd, {"default": {"train": "train.parquet"}})
    documents, dropped = read_all(source(raw, path="odd"))
    assert ([d.text for d in documents], dropped) == (["a", "b", "c"], [])


def test_a_data_set_whose_first_file_is_damaged_is_refused(raw):
    for path, settings in (
        ("pages/data/train-00000-of-00003.parquet", {}),
        ("books/en/0.jsonl.gz", {"config": "en", "text_column": "body"}),
    ):
        (raw / path).write_bytes(b"no data")
        with pytest.raises(CorpusError, match="cannot be opened: .* and first file"):
            source(raw, path=path.partition("/")[0], **settings).units()


def test_a_data_set_that_changes_while_it_is_read_is_refused(raw):
    pages = source(raw, path="pages")
    unit = pages.units()[0]
    (raw / "pages" / "data" / "train-00002-of-00003.parquet").unlink()
    with pytest.raises(CorpusError, match="had 3 shards and has 2 now"):
        list(pages.read(unit))


class _Failing:
    """Rows of a local data set behind a network that fails at times."""

    def __init__(self, rows, failures: list[int]) -> None:
        self.rows = rows
        self.failures = failures
        self.column_names = rows.column_names
        self.features = rows.features
        self.num_shards = rows.num_shards

    def shard(self, **which) -> "_Failing":
        return _Failing(self.rows.shard(**which), self.failures)

    def select_columns(self, names: list[str]) -> "_Failing":
        return _Failing(self.rows.select_columns(names), self.failures)

    def take(self, count: int):
        return self.rows.take(count)

    def __iter__(self):
        for number, row in enumerate(self.rows):
            if number in self.failures:
                self.failures.remove(number)
                raise ConnectionError("reset by peer")
            yield row


def on_the_hub(raw: Path, monkeypatch, failures: list[int]) -> HuggingFaceSource:
    rows = huggingface.open_rows(str(raw / "pages"), None, None, "train")
    asked = []

    def opened(*key):
        asked.append(key)
        return _Failing(rows, failures)

    monkeypatch.setattr(huggingface, "_open_once", opened)
    hub = source(raw, dataset="owner/pages", revision=REVISION)
    hub.units()
    assert asked[0] == ("owner/pages", REVISION, None, "train")
    return hub


def test_a_failing_network_is_waited_out_and_no_row_is_lost_or_doubled(raw, monkeypatch):
    hub = on_the_hub(raw, monkeypatch, failures=[2, 0, 2, 3, 3])
    found = [one for unit in hub.units() for one in hub.read(unit)]
    assert [one.text for one in found] == [f"page {s} {n}" for s in range(3) for n in range(4)]
    assert {one.group for one in found} == {"owner/pages"}


def test_a_network_that_stays_away_ends_in_a_clear_error(raw, monkeypatch):
    hub = on_the_hub(raw, monkeypatch, failures=[1] * 5)
    rows = hub.read(hub.units()[0])
    assert next(rows).text == "page 0 0"
    with pytest.raises(CorpusError, match=r"after 5 attempts \(ConnectionError: reset by peer\)"):
        list(rows)


def test_the_hub_itself_out_of_reach_ends_in_a_clear_error(raw):
    with pytest.raises(CorpusError, match=r"'owner/pages' of the source 'huggingface'.*attempts"):
        source(raw, dataset="owner/pages", revision=REVISION).units()


def test_nothing_is_reported_to_the_hub(raw):
    from datasets import config
    from huggingface_hub import constants

    source(raw, path="pages").units()
    assert not config.HF_UPDATE_DOWNLOAD_COUNTS
    assert constants.HF_HUB_DISABLE_TELEMETRY


def test_without_the_package_the_extra_to_install_is_named(raw, monkeypatch):
    def refuse(name, *rest):
        if name == "datasets":
            raise ImportError(name)
        return real(name, *rest)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=r"pip install 'gptpath\[hub\]'"):
        source(raw, path="pages").units()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "path=None and dataset=None; expected one of them"),
        ({"path": "a", "dataset": "b/c", "revision": REVISION}, "expected one of them"),
        ({"dataset": "b/c"}, "revision=None; expected the 40 hex digits"),
        ({"dataset": "b/c", "revision": "main"}, "revision='main'; expected the 40 hex digits"),
        ({"path": "a", "revision": REVISION}, "a local folder, which has no revision"),
    ],
)
def test_settings_that_would_not_give_the_same_data_twice_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        HuggingFace(**settings)
