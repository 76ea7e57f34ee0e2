import json

import pytest

from gptpath.errors import ConfigError, CorpusError
from gptpath.zeroshot.benchmarks.catalogue import absence
from gptpath.zeroshot.benchmarks.hub import fetch_benchmark
from gptpath.zeroshot.prompt_items import present_form, read_prompt_items
from gptpath.zeroshot.prompts import shipped_task

COMMIT = "c" * 40
ROW = {
    "sentence": "The cup hit the table, so the _ broke.",
    "option1": "cup",
    "option2": "table",
    "answer": "1",
}


def test_rows_of_the_hub_become_items_and_their_commit_is_kept(tmp_path):
    asked = []

    def load(*place):
        asked.append(place)
        return [ROW, ROW]

    done = fetch_benchmark("winogrande", tmp_path, load=load, resolve=lambda *_: COMMIT)
    assert asked == [("allenai/winogrande", "winogrande_xl", "validation", COMMIT)]
    assert (done.rows, done.source) == (2, f"allenai/winogrande@{COMMIT}")
    assert json.loads((tmp_path / "winogrande/hub.json").read_text())["revision"] == COMMIT
    form = present_form(shipped_task("winogrande"), tmp_path)
    items, malformed = read_prompt_items(form, tmp_path, None)
    assert (len(items), malformed) == (2, {})
    assert items[0].contexts[1] == "The cup hit the table, so the table"


def test_lambada_of_the_hub_is_found_where_it_was_written(tmp_path):
    fetch_benchmark(
        "lambada", tmp_path, load=lambda *_: [{"text": "so it ends"}], resolve=lambda *_: COMMIT
    )
    assert absence(tmp_path, "lambada") is None


def test_nothing_is_left_where_the_hub_is_out_of_reach(tmp_path):
    def fail(*_):
        raise OSError("no route to host")

    with pytest.raises(CorpusError, match="cannot be had from the hub: no route"):
        fetch_benchmark("piqa", tmp_path, load=fail, resolve=lambda *_: COMMIT)
    assert not (tmp_path / "piqa").exists()
    with pytest.raises(ConfigError, match="known: lambada"):
        fetch_benchmark("wmt14-en-fr", tmp_path)
