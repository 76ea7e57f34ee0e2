import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from gptpath.config.duplicates import Duplicates
from gptpath.errors import CorpusError
from gptpath.events import Progress, ignore
from gptpath.text import near_duplicates
from gptpath.text.near_duplicates import SCHEMA, find_duplicates
from tests.unit.text.planted import edited, jaccard_of, random_texts, write_shards

BASE, OTHER = random_texts(2, words=400, seed=0)


def decide(tmp_path, documents, settings=None, *, shards=3, emit=ignore):
    paths = write_shards(tmp_path / "shards", documents, shards=shards)
    with ThreadPoolExecutor(2) as executor:
        return pl.read_parquet(
            find_duplicates(paths, tmp_path, settings or Duplicates(), executor, emit)
        )


def by_id(frame):
    return {row["id"]: row for row in frame.iter_rows(named=True)}


def test_of_near_duplicates_the_lowest_id_stays(tmp_path):
    near = edited(BASE, 0.01, random.Random(1), ["new"])
    frame = decide(tmp_path, {"c": BASE, "b": near, "a": OTHER})
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame["id"].to_list() == ["a", "b", "c"]
    rows = by_id(frame)
    assert rows["a"] == {
        "id": "a",
        "duplicate_of": None,
        "reason": None,
        "similarity": None,
        "family": "a",
    }
    assert (rows["b"]["duplicate_of"], rows["b"]["reason"]) == (None, None)
    assert (rows["c"]["duplicate_of"], rows["c"]["reason"]) == ("b", "near_duplicate")
    assert rows["b"]["family"] == rows["c"]["family"] == "b"
    assert rows["c"]["similarity"] == pytest.approx(jaccard_of(BASE, near, 5))


def test_texts_equal_but_for_white_space_and_case_are_exact_duplicates(tmp_path):
    rows = by_id(decide(tmp_path, {"b": "The same  words.\n", "a": "the same words.", "c": "No"}))
    assert (rows["b"]["duplicate_of"], rows["b"]["reason"]) == ("a", "duplicate")
    assert rows["a"]["similarity"] == rows["b"]["similarity"] == 1
    assert rows["c"]["reason"] is None


def test_an_exact_copy_of_a_near_duplicate_names_the_document_that_stays(tmp_path):
    near = edited(BASE, 0.01, random.Random(1), ["new"])
    rows = by_id(decide(tmp_path, {"a": BASE, "b": near, "c": near.upper()}))
    assert [rows[n]["duplicate_of"] for n in "abc"] == [None, "a", "a"]
    assert [rows[n]["reason"] for n in "abc"] == [None, "near_duplicate", "duplicate"]
    assert {rows[n]["family"] for n in "abc"} == {"a"}


def test_documents_alike_but_not_enough_stay_as_one_family(tmp_path):
    rng = random.Random(2)
    copies = (edited(BASE, 0.05, rng, ["new"]) for _ in itertools.count())
    cousin = next(text for text in copies if 0.55 < jaccard_of(BASE, text, 5) < 0.75)
    rows = by_id(decide(tmp_path, {"a": BASE, "b": cousin, "c": OTHER}))
    assert [rows[n]["reason"] for n in "abc"] == [None, None, None]
    assert [rows[n]["family"] for n in "abc"] == ["a", "a", "c"]
    assert rows["b"]["similarity"] == pytest.approx(jaccard_of(BASE, cousin, 5))


def test_without_near_only_exact_duplicates_go(tmp_path):
    documents = {"a": BASE, "b": edited(BASE, 0.01, random.Random(1), ["new"]), "c": BASE}
    rows = by_id(decide(tmp_path, documents, Duplicates(near=False)))
    assert [rows[n]["reason"] for n in "abc"] == [None, None, "duplicate"]
    assert [rows[n]["family"] for n in "abc"] == ["a", "b", "a"]


def test_short_texts_and_texts_without_words_are_near_only_where_equal(tmp_path):
    documents = {"a": "two words", "b": "two, words!", "c": "other words", "d": "...", "e": "?!"}
    rows = by_id(decide(tmp_path, documents))
    assert [rows[n]["reason"] for n in "abcde"] == [None, "near_duplicate", None, None, None]


def test_documents_of_one_id_are_duplicates_of_each_other(tmp_path):
    paths = [write_shards(tmp_path / name, {"a": BASE}, shards=1)[0] for name in "xy"]
    with ThreadPoolExecutor(1) as executor:
        path = find_duplicates(paths, tmp_path, Duplicates(), executor, ignore)
    frame = pl.read_parquet(path)
    assert frame["duplicate_of"].to_list() == [None, "a"]
    assert frame["reason"].to_list() == [None, "duplicate"]


@pytest.mark.parametrize("near", [True, False])
def test_empty_shards_and_no_shards_give_an_empty_table(tmp_path, near):
    settings = Duplicates(near=near)
    assert decide(tmp_path, {}, settings).is_empty()
    assert decide(tmp_path, {}, settings, shards=0).schema == pl.Schema(SCHEMA)


def test_some_shards_may_be_empty(tmp_path):
    assert decide(tmp_path, {"b": BASE, "a": BASE}, shards=5)["reason"].null_count() == 1


def test_a_crowd_of_copies_leaves_one(tmp_path):
    rng = random.Random(3)
    crowd = {f"{n:03d}": edited(BASE, 0.01, rng, ["new"]) for n in range(300)}
    frame = decide(tmp_path, {**crowd, "000": BASE, "x": OTHER})
    assert frame.filter(pl.col("reason").is_null())["id"].to_list() == ["000", "x"]
    assert frame["family"].unique(maintain_order=True).to_list() == ["000", "x"]


def test_other_settings_in_the_same_scratch_folder_start_afresh(tmp_path):
    documents = {"a": BASE, "b": edited(BASE, 0.01, random.Random(1), ["new"])}
    assert decide(tmp_path, documents)["reason"].to_list() == [None, "near_duplicate"]
    strict = Duplicates(threshold=1.0)
    assert decide(tmp_path, documents, strict)["reason"].to_list() == [None, None]


def test_progress_is_told_shard_by_shard(tmp_path):
    events = []
    decide(tmp_path, {"a": BASE, "b": OTHER}, emit=events.append)
    assert Progress(done=3, total=3, what="shards signed") in events
    assert Progress(done=48, total=48, what="bands verified") in events


def test_decisions_written_in_parts_are_the_same_bytes(tmp_path, monkeypatch):
    texts = random_texts(40, words=30, seed=4)
    documents = {f"{n:02d}": text for n, text in enumerate([*texts, *texts[::3]])}
    written = []
    for name, rows in (("whole", 1000), ("parts", 7)):
        monkeypatch.setattr(near_duplicates, "_ROWS_AT_ONCE", rows)
        decide(tmp_path / name, documents)
        [path] = (tmp_path / name).rglob("decisions.parquet")
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_a_missing_shard_is_named(tmp_path):
    with ThreadPoolExecutor(1) as executor, pytest.raises(CorpusError, match=r"lost\.parquet"):
        find_duplicates([tmp_path / "lost.parquet"], tmp_path, Duplicates(), executor, ignore)
