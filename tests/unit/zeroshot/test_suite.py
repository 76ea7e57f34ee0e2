import json
from dataclasses import replace

import numpy as np
import pytest

from gptpath.errors import TokenError
from gptpath.text.labelled.task_files import TaskSpec, write_specs, write_task
from gptpath.tokens.shards import SplitWriter, write_index
from gptpath.zeroshot.suite import AbsentError, Sources, prepare
from gptpath.zeroshot.summary import SummarySettings


def spec(name, columns, absent=None):
    return TaskSpec(
        name=name, kind="any", labels=(), columns=columns, description="", absent=absent
    )


def rows(count, **fields):
    return [
        {"id": f"{i:03d}", "document": "d", "split": "test"} | {k: v(i) for k, v in fields.items()}
        for i in range(count)
    ]


@pytest.fixture
def sources(tmp_path, encoding):
    tasks = tmp_path / "tasks"
    last_word = spec("last-word", ("context", "target"))
    items = rows(6, context=lambda i: f"the {i}", target=lambda i: "two words" if i == 1 else "x")
    write_task(tasks, last_word, items)
    pairs = spec("acceptability", ("text", "label", "pair"))
    items = rows(20, text=lambda i: f"text {i}", label=lambda i: i % 2, pair=lambda i: f"p{i // 2}")
    for i, item in enumerate(items):
        item["split"] = "test" if i < 10 else "validation"
    write_task(tasks, pairs, items)
    absent = spec("cloze", ("context",), absent="no long documents")
    write_specs(tasks, [last_word, pairs, absent])
    writer = SplitWriter(tmp_path / "tokens", "validation", vocab_size=257, shard_tokens=10**6)
    writer.append([*b"some held-out text" * 5, 256], text_bytes=90)
    write_index(tmp_path / "tokens", vocab_size=257, splits={"validation": writer.finish()})
    return Sources(
        tokens=tmp_path / "tokens",
        tasks=tasks,
        benchmarks=tmp_path / "benchmarks",
        encoding=encoding,
        context_length=24,
        max_items=None,
        seed=0,
        summaries=SummarySettings(max_new_tokens=3, top_k=2, seed=0),
    )


def score(task, make_scorer, report):
    return {s.metric: s for s in task.score(make_scorer(), report).scores}


def test_malformed_items_are_counted_and_the_others_scored(sources, make_scorer, report):
    task = prepare("last-word", sources)
    assert task.malformed == {"target is not one word": 1}
    assert score(task, make_scorer, report)["accuracy"].items == 5


def test_the_limit_holds_for_items_windows_and_pairs(sources, make_scorer, report):
    few = replace(sources, max_items=4)
    assert score(prepare("last-word", few), make_scorer, report)["accuracy"].items == 3
    assert (
        score(prepare("heldout", replace(sources, max_items=2)), make_scorer, report)[
            "perplexity"
        ].items
        == 2
    )
    assert score(prepare("acceptability", few), make_scorer, report)["accuracy"].items == 2


def test_all_of_a_short_split_is_used_without_a_limit(sources, make_scorer, report):
    found = score(prepare("heldout", sources), make_scorer, report)
    assert found["perplexity"].items == int(np.ceil(91 / 24))


def test_tokens_of_another_vocabulary_than_the_models_are_refused(sources):
    writer = SplitWriter(sources.tokens, "validation", vocab_size=99, shard_tokens=10**6)
    writer.append([1, 98], text_bytes=1)
    write_index(sources.tokens, vocab_size=99, splits={"validation": writer.finish()})
    with pytest.raises(TokenError, match="a vocabulary of 99"):
        prepare("heldout", sources)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cloze", "no long documents"),
        ("tldr", "no task 'tldr'"),
        ("lambada", "lambada/lambada_test.jsonl"),
        ("wikitext-2", "wikitext-2/test.txt"),
        ("winograd", "WSCollection.xml"),
    ],
)
def test_absent_data_is_named(sources, name, reason):
    with pytest.raises(AbsentError, match=reason):
        prepare(name, sources)


def test_a_benchmark_without_any_usable_line_is_absent_and_says_why(sources):
    folder = sources.benchmarks / "lambada"
    folder.mkdir(parents=True)
    (folder / "lambada_test.jsonl").write_text("no json\n[]\n")
    with pytest.raises(
        AbsentError, match="no usable item among 2 rows of lambada.*text is no text: 2"
    ):
        prepare("lambada", sources)


def test_benchmarks_are_scored_when_they_are_there(sources, make_scorer, report):
    lambada, wikitext = sources.benchmarks / "lambada", sources.benchmarks / "wikitext-2"
    winograd = sources.benchmarks / "winograd"
    for folder in (lambada, wikitext, winograd):
        folder.mkdir(parents=True)
    (lambada / "lambada_test.jsonl").write_text('{"text": "and so it ends"}\n' * 3)
    (wikitext / "test.txt").write_text(" \n = A title = \n \n He said , no . \n" * 9)
    (winograd / "winograd_wsc.jsonl").write_text(
        json.dumps(
            {"context_options": ["The cup", "The table"], "continuation": "fell.", "gold": 0}
        )
        + "\n"
    )
    limited = replace(sources, max_items=3)
    assert score(prepare("lambada", limited), make_scorer, report)["accuracy"].items == 3
    assert score(prepare("winograd", limited), make_scorer, report)["accuracy"].items == 1
    found = score(prepare("wikitext-2", limited), make_scorer, report)
    assert found["word-perplexity-detokenized-full-stride"].items <= 3


@pytest.mark.parametrize(
    ("name", "file"), [("wikitext-2", "wikitext-2/test.txt"), ("enwik8", "enwik8/enwik8")]
)
def test_an_empty_text_is_reported_as_absent(sources, name, file):
    path = sources.benchmarks / file
    path.parent.mkdir(parents=True)
    path.write_text("")
    with pytest.raises(AbsentError, match=f"no usable item among 0 rows of {name}"):
        prepare(name, sources)
