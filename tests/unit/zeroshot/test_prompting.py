import json
from dataclasses import replace

import pytest

from gptpath.config.prompts import PromptTask, prompt_task
from gptpath.config.zeroshot import PROMPT_TASKS
from gptpath.errors import ConfigError, CorpusError
from gptpath.zeroshot.prompt_items import present_form, read_prompt_items
from gptpath.zeroshot.prompting import score_prompts
from gptpath.zeroshot.prompts import read_task, shipped_task
from tests.shared_data import REAL

QUESTIONS = [
    {"q": "Two?", "options": ["2", "three"], "right": "2"},
    {"q": "Big?", "options": ["ant", "elephant"], "right": "elephant"},
    {"q": "None?", "options": ["a"], "right": "a"},
    {"q": "Empty?", "options": ["a", ""], "right": "a"},
    {"q": "Lost?", "options": ["a", "b"], "right": "c"},
    {"q": "?", "right": "c"},
]
TASK = PromptTask(
    files=("mine/q.jsonl",),
    prompt="Q: {q}\nA:",
    choices="options",
    answer="right",
    answer_names="options",
)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "mine" / "q.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    return tmp_path


def test_rows_become_prompts_and_malformed_ones_are_counted_by_reason(folder):
    items, malformed = read_prompt_items(TASK, folder, None)
    assert [item.contexts for item in items] == [("Q: Two?\nA:",), ("Q: Big?\nA:",)]
    assert [item.label for item in items] == [0, 1]
    assert malformed == {
        "fewer than two, or empty candidates": 2,
        "answer fits no candidate": 1,
        "no field options": 1,
    }


def test_the_sum_and_the_mean_per_character_are_separate_columns(folder, knowing, report):
    items, _ = read_prompt_items(TASK, folder, None)
    asked = []

    def judge(context, text):
        asked.append((context, text))
        return [-1.0] * len(text)  # a longer text is less likely by exactly its length

    result = score_prompts(knowing(judge), report, items, TASK)
    values = {score.metric: score.value for score in result.scores}
    # With the blank: 2 and 6 tokens, 4 and 9; per character 2, 6/5, 4/3 and 9/8.
    assert values == {"accuracy": 0.5, "accuracy-norm": 0.5}
    assert [record.measures[0].chosen for record in result.records] == [0, 0]
    assert [record.measures[1].chosen for record in result.records] == [1, 1]
    assert asked[0] == ("Q: Two?\nA:", " 2")
    assert result.records[1].token_counts == (4, 9)
    assert {score.random for score in result.scores} == {0.5}


def test_solved_examples_stand_before_every_item_and_are_not_asked(folder):
    extra = [{"q": f"{n}?", "options": ["x", "y"], "right": "y"} for n in range(6)]
    with (folder / "mine" / "q.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in extra)
    task = PromptTask(
        files=TASK.files,
        prompt=TASK.prompt,
        choices="options",
        answer="right",
        answer_names="options",
        shots=2,
    )
    items, _ = read_prompt_items(task, folder, None)
    assert len(items) == 8 - 2
    [header] = {item.contexts[0].rpartition("Q: ")[0] for item in items}
    assert header.count("Q: ") == header.count("\n\n") == 2
    assert items == read_prompt_items(task, folder, None)[0]
    own = {item.contexts[0].removeprefix(header) for item in items}
    assert not any(question in header for question in own)


def test_more_examples_than_rows_are_refused(folder):
    task = PromptTask(
        files=TASK.files, prompt="{q}", choices="options", answer="right",
        answer_names="options", shots=2,
    )  # fmt: skip
    with pytest.raises(CorpusError, match="lower `shots`"):
        read_prompt_items(task, folder, None)


def test_candidates_may_have_a_context_each_before_one_continuation(folder, knowing, report):
    (folder / "gap.jsonl").write_text(
        json.dumps({"s": "The _ fell.", "a": "cup", "b": "table", "right": 2}) + "\n"
    )
    task = prompt_task(
        {
            "files": ["gap.jsonl"],
            "prompt": ["{s|before:_}{a}", "{s|before:_}{b}"],
            "continuation": "{s|after:_|strip}",
            "answer": "right",
            "answer_names": [1, 2],
        },
        where="here",
    )
    items, malformed = read_prompt_items(task, folder, None)
    assert (items[0].contexts, items[0].candidates, malformed) == (
        ("The cup", "The table"),
        ("fell.", "fell."),
        {},
    )
    scorer = knowing(lambda context, text: [-0.5 if "table" in context else -1.0] * len(text))
    result = score_prompts(scorer, report, items, task)
    assert [(score.metric, score.value) for score in result.scores] == [("accuracy", 1.0)]
    assert result.records[0].candidates == ("The cup", "The table")


class AnsweringScorer:
    context_length = 40

    def generate(self, prompts, *, max_new_tokens, top_k, seed, stop):
        assert (max_new_tokens, top_k, stop) == (5, 1, ("\n",))
        return [" the 2" if "Two" in prompt else " a mouse" for prompt in prompts]


def test_generated_answers_are_held_against_their_references(folder, report):
    task = PromptTask(
        files=TASK.files, prompt="Q: {q}\nA:", score="generation", answer="right",
        metrics=("exact-match", "f1", "bleu"), max_new_tokens=5,
    )  # fmt: skip
    items, _ = read_prompt_items(task, folder, 2)
    result = score_prompts(AnsweringScorer(), report, items, task)
    values = {score.metric: score.value for score in result.scores}
    assert values == {"exact-match": 0.5, "f1": 0.5, "bleu": 0.0}
    assert result.records[1].candidates == ("a mouse",)
    assert result.records[1].references == ("elephant",)


def test_a_task_of_ones_own_is_read_from_a_file(folder):
    path = folder / "mine.yaml"
    path.write_text('files: [mine/q.jsonl]\nprompt: "{q}"\nchoices: [a, b]\nanswer: right\n')
    assert read_task(path).choices == ("a", "b")
    path.write_text("files: [x.jsonl]\nprompt: a\nanswr: b\n")
    with pytest.raises(ConfigError, match="unknown keys \\['answr'\\]"):
        read_task(path)
    path.write_text('files: [a]\nprompt: a\nchoices: b\nanswer: c\nreplace: [["(", ""]]\n')
    with pytest.raises(ConfigError, match="no regular expression"):
        read_task(path)
    path.write_text("- a")
    with pytest.raises(ConfigError, match="must be a mapping"):
        read_task(path)
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read"):
        read_task(folder / "nowhere.yaml")


@pytest.mark.parametrize("name", PROMPT_TASKS)
def test_every_shipped_task_is_whole_in_all_its_layouts(name):
    task = shipped_task(name)
    assert task.description
    assert all(form.files and form.prompt for form in task.forms())
    assert task.hub["id"].count("/") == 1


SHARED_ROWS = {
    "hellaswag": 1000,
    "piqa": 1838,
    "arc-easy": 2376,
    "arc-challenge": 1172,
    "boolq": 3270,
    "winogrande": 1267,
    "openbookqa": 500,
}


@pytest.mark.skipif(not (REAL / "piqa").is_dir(), reason="the real benchmarks are not here")
@pytest.mark.parametrize(("name", "rows"), SHARED_ROWS.items())
def test_the_published_files_are_read_whole(name, rows):
    form = present_form(shipped_task(name), REAL)
    items, malformed = read_prompt_items(form, REAL, None)
    assert (len(items), malformed) == (rows, {})


def test_forms_of_the_hub_and_of_the_publisher_give_the_same_item(tmp_path):
    official = {
        "id": "q1",
        "question": {
            "stem": "Why?",
            "choices": [{"text": "so", "label": "A"}, {"text": "no", "label": "B"}],
        },
        "answerKey": "B",
    }
    hub = {
        "id": "q1",
        "question": "Why?",
        "choices": {"text": ["so", "no"], "label": ["A", "B"]},
        "answerKey": "B",
    }
    task = shipped_task("arc-easy")
    items = []
    for name, row in (("arc/ARC-Easy-Test.jsonl", official), ("arc-easy/hub.jsonl", hub)):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(json.dumps(row) + "\n")
        items.append(read_prompt_items(present_form(task, tmp_path), tmp_path, None)[0])
        path.unlink()
    assert items[0] == items[1]
    assert items[0][0].contexts == ("Question: Why?\nAnswer:",)
    assert items[0][0].label == 1


def test_answers_that_are_no_numbers_and_names_that_are_no_list_are_malformed(folder):
    rows = [
        {"q": "a", "options": ["x", "y"], "right": "²", "names": ["A", "B"]},
        {"q": "b", "options": ["x", "y"], "right": "1", "names": 5},
    ]
    (folder / "mine" / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    items, malformed = read_prompt_items(replace(TASK, answer_names=()), folder, None)
    assert ([item.label for item in items], malformed) == ([1], {"answer fits no candidate": 1})
    items, malformed = read_prompt_items(replace(TASK, answer_names="names"), folder, None)
    assert malformed == {"answer fits no candidate": 1, "names is no list": 1}


def test_examples_from_another_file_have_their_answers_in_its_rows(folder):
    (folder / "mine" / "shots.jsonl").write_text(json.dumps(QUESTIONS[0]) + "\n")
    (folder / "mine" / "answers.txt").write_text("2\nelephant\na\na\nb\nb\n")
    task = replace(TASK, answers_file="mine/answers.txt", shots=1, shot_files=("mine/shots.jsonl",))
    items, _ = read_prompt_items(task, folder, None)
    assert items[0].contexts == ("Q: Two?\nA: 2\n\nQ: Two?\nA:",)
    with pytest.raises(ConfigError, match="shot_files` need `answer`"):
        replace(task, answer="")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("files: mine/q.jsonl", r"files='mine/q.jsonl'; expected list\[str, \.\.\.\]"),
        ("shots: '2'", "shots='2'; expected .*int"),
        ("shots: true", "shots=True; expected .*int"),
        ("score: generate", "score='generate'; expected Literal"),
        ("delimiter:", "delimiter=None; expected .*str"),
        ("stop: '###'", "stop='###'; expected list"),
        ("stop: ['']", "stop has an empty text"),
        ("metrics: []", "metrics is empty"),
        ("replace: [a]", "replace="),
        ("replace: [[a, '\\1']]", "is no regular expression and its replacement"),
        ("layouts: [{files: b.jsonl}]", "layouts: files='b.jsonl'"),
    ],
)
def test_settings_of_a_task_file_are_checked_as_those_of_the_parameters_are(
    tmp_path, setting, message
):
    given = {"files": "[a.jsonl]", "prompt": "'{q}'", "choices": "c", "answer": "a"}
    name, _, value = setting.partition(":")
    lines = "".join(f"{k}: {v}\n" for k, v in (given | {name: value}).items())
    (tmp_path / "task.yaml").write_text(lines)
    with pytest.raises(ConfigError, match=message):
        read_task(tmp_path / "task.yaml")
