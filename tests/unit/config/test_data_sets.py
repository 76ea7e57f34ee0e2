import io
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gptpath.config.data_sets import PUBLISHED
from gptpath.config.loading import parse_params, profile_text
from gptpath.config.sections import FINETUNE_TASKS
from gptpath.errors import ConfigError
from gptpath.finetune.reading.raw import REASONS

PROFILES = Path(__file__).parents[3] / "profiles"
GOOD = "kind: classification, train: a.csv, labels: [no, yes]"


def changed(*changes: str) -> None:
    profile_text(PROFILES, "laptop", list(changes))


@pytest.mark.parametrize(
    "own",
    [
        GOOD,
        GOOD + ", metric: f1, columns: {text: [title, body], label: stars}",
        "kind: classification, train: a.tsv, labels: [0, 1, 2], header: [label, text]",
        "kind: entailment, train: a.jsonl.gz, labels: [false, true]",
        "kind: regression, train: b/a.parquet, score_range: [0, 5]",
        "kind: multiple-choice, train: a.json",
        "kind: multiple-choice, train: a.csv, labels: [A, B], columns: {choices: [x, y]}",
    ],
)
def test_a_described_data_set_may_be_fine_tuned_on(own: str) -> None:
    changed(f"data_sets.own={{mine: {{{own}}}}}", "matrix.finetune_tasks=[mine, cola, package]")


def test_booleans_are_labels_as_json_writes_them() -> None:
    text = profile_text(
        PROFILES,
        "laptop",
        ["data_sets.own={mine: {kind: entailment, train: a.csv, labels: [false, true, 3, x]}}"],
    )
    params = parse_params(YAML(typ="safe").load(io.StringIO(text)), where="test")
    assert params.data_sets.own["mine"].label_names == ("false", "true", "3", "x")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("kind: classification, train: a.csv", "the set of a.csv: kind classification needs lab"),
        ("kind: classification, train: a.csv, labels: [no]", r"given \['no'\]"),
        ("kind: classification, train: a.csv, labels: [1, '1']", "name a value twice"),
        (GOOD + ", columns: {txt: body}", r"columns names \['txt'\], which kind classification"),
        (GOOD + ", columns: {label: [a, b]}", "columns.label must be one column"),
        (GOOD + ", metric: pearson", "metric pearson does not fit kind classification"),
        (GOOD + ", score_range: [0, 1]", "score_range belongs to kind regression"),
        (GOOD + ", validation_fraction: 0.6", "validation_fraction must lie between 0 and 0.5"),
        (GOOD + ", test: ../b.csv", r"names \.\./b\.csv, outside data_sets\.folder=data/labelled"),
        (GOOD + ", test: /b.csv", "outside data_sets.folder"),
        (GOOD + ", lables: [a]", "lables: unknown parameter; did you mean 'labels'"),
        ("kind: tagging, train: a.csv", "kind: .*'classification'"),
        ("kind: regression, train: a.csv", r"needs score_range: \[lowest, highest\]"),
        ("kind: regression, train: a.csv, score_range: [5, 0]", "needs score_range"),
        ("kind: regression, train: a.csv, labels: [a, b], score_range: [0, 1]", "no labels"),
        ("kind: regression, train: a.csv, score_range: [0, 1], metric: f1", "f1 does not fit"),
        (
            "kind: classification, train: a.csv, labels: [a, b, c], metric: f1",
            "second of two labels",
        ),
    ],
)
def test_a_description_that_cannot_be_followed_is_refused(own: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        changed(f"data_sets.own={{mine: {{{own}}}}}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (f"data_sets.own={{Mine: {{{GOOD}}}}}", "names 'Mine'; use small letters"),
        (f"data_sets.own={{cola: {{{GOOD}}}}}", "'cola', which is the name of a data set"),
        (f"data_sets.own={{package: {{{GOOD}}}}}", "'package', which is the name of a data set"),
        ("data_sets.revisions={nyu-mll/glue: main}", "'main' is no commit of 40 hex digits"),
        ("matrix.finetune_tasks=[mine]", "unknown finetune_tasks 'mine'"),
        ("data_sets.hubb=true", "data_sets.hubb: unknown parameter; did you mean 'hub'"),
    ],
)
def test_an_impossible_section_is_refused(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        changed(change)


def test_the_examples_of_the_page_are_accepted() -> None:
    page = (PROFILES.parent / "docs" / "finetuning.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.S)
    whole = YAML(typ="safe").load("".join(blocks))
    assert set(whole["data_sets"]["own"]) == {"reviews", "pairs", "exam"}
    values = YAML(typ="safe").load((PROFILES / "laptop.yaml").read_text())
    values["data_sets"] = whole["data_sets"]
    values["matrix"]["finetune_tasks"] = whole["matrix"]["finetune_tasks"]
    parse_params(values, where="docs/finetuning.md")


def test_every_reason_is_explained_on_the_page() -> None:
    page = (PROFILES.parent / "docs" / "finetuning.md").read_text()
    assert all(f"`{reason}`" in page for reason in REASONS)


def test_names_of_published_and_embedded_sets_differ() -> None:
    assert not set(PUBLISHED) & set(FINETUNE_TASKS)
