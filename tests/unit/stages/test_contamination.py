import dataclasses
import json
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.errors import CorpusError
from gptpath.events import Progress, ignore
from gptpath.stages import contamination
from gptpath.stages.context import StageContext
from gptpath.stages.public_texts import benchmark_texts, published_texts
from gptpath.text.documents import Document, write_documents
from gptpath.text.labelled.task_files import TaskSpec, write_specs, write_task
from tests.shared_data import REAL

PROFILE = Path(__file__).parents[3] / "profiles" / "laptop.yaml"
SEEN = "the quick brown fox jumps over the lazy dog"


@pytest.fixture
def params():
    loaded = load_params(PROFILE)
    return dataclasses.replace(
        loaded, contamination=dataclasses.replace(loaded.contamination, ngram_words=4)
    )


@pytest.fixture
def checkout(tmp_path):
    documents = [
        Document(text=text, source="a", kind="files", location=f"{n}.txt", group="g")
        for n, text in enumerate((f"Once {SEEN}.", "nothing else is here to be read"))
    ]
    write_documents(tmp_path / "data" / "corpus" / "train", documents)
    spec = TaskSpec(
        name="continuation",
        kind="multiple-choice",
        labels=(),
        columns=("context", "choices", "label"),
        description="",
    )
    rows = [("train", "a b c d"), ("test", "The quick brown fox!"), ("test", "some a b c d")]
    items = [
        {
            "id": f"i{n}",
            "document": SEEN,
            "split": split,
            "context": context,
            "choices": ["quick brown fox jumps", "x y z"],
            "label": 0,
        }
        for n, (split, context) in enumerate(rows)
    ]
    tasks = tmp_path / "data" / "tasks"
    write_task(tasks, spec, items)
    absent = TaskSpec(
        name="tldr", kind="summary", labels=(), columns=(), description="", absent="none here"
    )
    write_specs(tasks, [spec, absent])
    return tmp_path


def run(checkout, params, emit=ignore):
    context = StageContext(root=checkout, params=params, item=None, emit=emit)
    outcome = contamination.run(context)
    return outcome, json.loads((checkout / "metrics" / "contamination.json").read_text())


def test_all_text_fields_of_the_test_split_are_looked_up(checkout, params):
    outcome, found = run(checkout, params)
    assert found["ngram_words"] == 4
    [task] = found["sets"]
    # Each item: its context and its first choice; ids and source documents are no text of it.
    assert (task["name"], task["items"]) == ("continuation", 2)
    assert task["ngrams"] == (1 + 1) + (2 + 1)
    assert task["overlapping_ngrams"] == 3
    assert task["items_overlapping"] == 2
    assert task["share"] == 3 / 5
    assert task["own_train_share"] == 3 / 5  # "a b c d" and the choice of both items
    assert outcome.metrics == {"contamination/continuation": 3 / 5}


def test_absent_tasks_and_benchmarks_are_listed_with_reasons(checkout, params):
    _, found = run(checkout, params)
    assert set(found["absent"]) == {"tldr", "lambada", "wikitext-2", "winograd"}
    assert found["absent"]["tldr"] == "none here"
    assert "wikitext-2/test.txt" in found["absent"]["wikitext-2"]


def test_benchmarks_are_measured_where_they_are(checkout, params):
    folder = checkout / params.zeroshot.benchmarks_dir
    (folder / "lambada").mkdir(parents=True)
    (folder / "lambada" / "lambada_test.jsonl").write_text(json.dumps({"text": SEEN}) + "\n")
    (folder / "wikitext-2").mkdir()
    (folder / "wikitext-2" / "test.txt").write_text(" \n of its own words made \n")
    _, found = run(checkout, params)
    sets = {entry["name"]: entry for entry in found["sets"]}
    assert sets["lambada"]["share"] == 1.0
    assert sets["lambada"]["own_train_share"] is None
    assert (sets["wikitext-2"]["items"], sets["wikitext-2"]["share"]) == (1, 0.0)


def test_prompt_tasks_are_measured_by_all_texts_of_a_row(checkout, params):
    folder = checkout / params.zeroshot.benchmarks_dir / "hellaswag"
    folder.mkdir(parents=True)
    row = {"ind": 3, "ctx": SEEN, "endings": ["a b c d e", "of no one here"], "label": 0}
    (folder / "hellaswag.jsonl").write_text(json.dumps(row) + "\n")
    _, found = run(checkout, params)
    [entry] = [entry for entry in found["sets"] if entry["name"] == "hellaswag"]
    assert (entry["ngrams"], entry["overlapping_ngrams"]) == (6 + 2 + 1, 6)


def test_fine_tuning_sets_are_measured_by_their_test_split_and_against_their_training(
    checkout, params
):
    folder = checkout / params.zeroshot.benchmarks_dir / "rte" / "glue"
    folder.mkdir(parents=True)
    head = "index\tsentence1\tsentence2\tlabel\n"
    rows = [
        f"{n}\ttrained words go number {n} round\tso it goes {n}\t{label}\n"
        for n, label in enumerate(["entailment", "not_entailment"] * 8)
    ]
    (folder / "train.tsv").write_text(head + "".join(rows))
    tested = "0\tthe quick brown fox\ttrained words go number\tentailment\n"
    (folder / "dev.tsv").write_text(head + tested)
    _, found = run(checkout, params)
    [entry] = [entry for entry in found["sets"] if entry["name"] == "finetune/rte"]
    assert (entry["items"], entry["ngrams"]) == (1, 2)
    assert (entry["overlapping_ngrams"], entry["own_train_share"]) == (1, 0.5)
    assert not any("finetune" in name for name in found["absent"])


@pytest.mark.skipif(not REAL.is_dir(), reason="shared data is absent")
def test_every_published_set_of_the_shared_data_has_texts():
    found = {name: read() for name, read in benchmark_texts(REAL).items()}
    assert {"cola", "race", "dprd-train", "arc-challenge", "cnn-dailymail"} < set(found)
    assert all(items and any(map(any, items)) for items in found.values())
    suite = {name: (test(), train()) for name, test, train in published_texts(REAL)}
    assert {"finetune/cola", "finetune/snli", "finetune/race"} < set(suite)
    assert all(test and train for test, train in suite.values())


def test_progress_ends_with_all_documents(checkout, params):
    events = []
    run(checkout, params, events.append)
    assert events[-1] == Progress(done=2, total=2, what="documents")


def test_a_missing_corpus_names_the_stage_to_run(tmp_path, checkout, params):
    (checkout / "data" / "corpus" / "train" / "00000.parquet").unlink()
    with pytest.raises(CorpusError, match="gptpath ingest"):
        run(checkout, params)
