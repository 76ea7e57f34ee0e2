import json
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.ingest import HuggingFace
from gptpath.config.loading import load_params
from gptpath.config.params import Params
from gptpath.errors import ConfigError
from gptpath.planning.corpus import expect_corpus


def params(name: str = "books") -> Params:
    loaded = load_params(Path(__file__).parents[3] / "profiles" / f"{name}.yaml")
    return replace(loaded, ingest=replace(loaded.ingest, raw="raw"))


def test_files_are_counted_and_packed_ones_at_their_unpacked_size(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.txt").write_bytes(b"x" * 1000)
    (tmp_path / "raw/b.txt.gz").write_bytes(b"x" * 1000)
    (tmp_path / "raw/c.jsonl.zst").write_bytes(b"x" * 1000)
    corpus = expect_corpus(params(), tmp_path)
    assert corpus.read_bytes == 7000
    assert corpus.text_bytes == pytest.approx(7000 * 0.89)
    assert not corpus.measured


def test_an_empty_folder_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(ConfigError, match=r"ingest.raw=raw holds no text .* --set ingest.raw"):
        expect_corpus(params(), tmp_path)


def test_a_data_set_of_the_hub_is_not_planned_as_if_it_were_empty(tmp_path: Path) -> None:
    hub = HuggingFace(name="fineweb", dataset="a/b", revision="0" * 40)
    given = params()
    given = replace(given, ingest=replace(given.ingest, sources=(*given.ingest.sources, hub)))
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.txt").write_bytes(b"x" * 1000)
    with pytest.raises(ConfigError, match="fineweb of the hub .* after `dvc repro encode`"):
        expect_corpus(given, tmp_path)


def test_an_earlier_count_wins_if_it_is_of_the_same_vocabulary(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    split = {"tokens": 900, "documents": 3, "bytes": 3000}
    encoded = {"train": split, "validation": split | {"tokens": 50}}
    (metrics / "encode.json").write_text(json.dumps(encoded), encoding="utf-8")
    (metrics / "tokenizer.json").write_text('{"vocab_size": 4096}', encoding="utf-8")
    corpus = expect_corpus(params(), tmp_path)
    assert (corpus.tokens, corpus.validation_tokens, corpus.measured) == (900, 50, True)
    assert not expect_corpus(params("laptop"), tmp_path).measured


def test_a_count_of_other_text_is_no_count_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.txt").write_bytes(b"x" * 1000)
    split = {"tokens": 900, "documents": 3, "bytes": 3000}
    (tmp_path / "metrics/encode.json").write_text(json.dumps({"train": split, "validation": split}))
    (tmp_path / "metrics/tokenizer.json").write_text('{"vocab_size": 4096}')
    (tmp_path / "params.yaml").write_text("ingest: {raw: raw, sources: [{kind: files}]}\n")
    lock = "stages: {{ingest: {{params: {{params.yaml: {{ingest: {}}}}}}}}}\n"
    (tmp_path / "dvc.lock").write_text(lock.format("{raw: raw, sources: [{kind: files}]}"))
    assert expect_corpus(params(), tmp_path).measured
    for made in ("{raw: elsewhere, sources: [{kind: files}]}", "{raw: raw, sources: []}"):
        (tmp_path / "dvc.lock").write_text(lock.format(made))
        corpus = expect_corpus(params(), tmp_path)
        assert (corpus.measured, corpus.read_bytes) == (False, 1000)
