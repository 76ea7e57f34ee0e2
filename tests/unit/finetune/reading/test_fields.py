import pytest

from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.raw import REASONS, RowError

TEXT = Fields(
    kind="classification",
    texts={"text": "sentence"},
    label="label",
    classes={"neg": 0, "pos": 1},
    unlabelled=frozenset({"-", "-1"}),
)
NUMBERED = Fields(kind="classification", texts={"text": "t"}, classes={"0": 0, "1": 1})
SCORE = Fields(
    kind="regression",
    texts={"text_a": "a", "text_b": "b"},
    label="score",
    score_range=(0.0, 5.0),
)
CHOICE = Fields(
    kind="multiple-choice",
    texts={"context": ("s1", "s2"), "choices": ("e1", "e2", "e3"), "question": "q"},
    classes={"A": 0, "B": 1, "C": 2},
)
LISTED = Fields(kind="multiple-choice", texts={"context": "c", "choices": "options"})


def test_texts_lose_outer_blanks_and_labels_become_numbers():
    assert TEXT.row({"sentence": " kids , spirit ", "label": " pos "}) == {
        "text": "kids , spirit",
        "label": 1,
    }


@pytest.mark.parametrize("value", ["1", 1, 1.0, True])
def test_labels_are_recognised_whatever_type_the_format_gives_them(value):
    fields = (
        NUMBERED
        if value is not True
        else Fields(kind="classification", texts={"text": "t"}, classes={"false": 0, "true": 1})
    )
    assert fields.row({"t": "x", "label": value})["label"] == 1


@pytest.mark.parametrize(
    ("row", "reason", "message"),
    [
        ({"sentence": "x"}, "missing_column", "no column 'label'; there are 'sentence'"),
        ({"sentnce": "x", "label": "pos"}, "missing_column", "did you mean 'sentnce'"),
        ({"sentence": " ", "label": "pos"}, "empty_text", "empty text in column 'sentence'"),
        ({"sentence": None, "label": "pos"}, "empty_text", "no text"),
        ({"sentence": 3, "label": "pos"}, "not_text", "int in column 'sentence'"),
        ({"sentence": "\udc80", "label": "pos"}, "wrong_encoding", "sentence"),
        ({"sentence": "x", "label": ""}, "missing_label", "no label in column 'label'"),
        ({"sentence": "x", "label": None}, "missing_label", "no label"),
        ({"sentence": "x", "label": float("nan")}, "missing_label", "no label"),
        ({"sentence": "x", "label": "-"}, "unlabelled", "no gold label"),
        ({"sentence": "x", "label": -1}, "unlabelled", "'-1'"),
        ({"sentence": "x", "label": -1.0}, "unlabelled", "'-1'"),
        (
            {"sentence": "x", "label": "poss"},
            "unknown_label",
            "unknown label 'poss' in column 'label'; expected one of 'neg', 'pos'; "
            "did you mean 'pos'?",
        ),
    ],
)
def test_rows_that_cannot_be_used_say_why(row, reason, message):
    with pytest.raises(RowError) as error:
        TEXT.row(row)
    assert error.value.reason == reason
    assert reason in REASONS
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        ("high", "label_not_a_number"),
        ("nan", "label_not_a_number"),
        (True, "label_not_a_number"),
        ([1], "label_not_a_number"),
        ("5.2", "score_out_of_range"),
        (-0.1, "score_out_of_range"),
        ("", "missing_label"),
        (float("nan"), "missing_label"),
    ],
)
def test_scores_must_be_finite_and_in_range(score, reason):
    with pytest.raises(RowError) as error:
        SCORE.row({"a": "x", "b": "y", "score": score})
    assert error.value.reason == reason


@pytest.mark.parametrize(("score", "value"), [("3.800", 3.8), (5, 5.0), (0.0, 0.0)])
def test_scores_become_floats(score, value):
    row = SCORE.row({"a": "x", "b": "y", "score": score})
    assert row == {"text_a": "x", "text_b": "y", "label": value}
    assert isinstance(row["label"], float)


def test_columns_are_joined_for_a_context_and_are_answers_for_choices():
    values = {"s1": "One.", "s2": "Two.", "q": "Why?", "e1": "a", "e2": "b", "e3": "c"}
    assert CHOICE.row(values | {"label": "C"}) == {
        "context": "One. Two.",
        "choices": ["a", "b", "c"],
        "question": "Why?",
        "label": 2,
    }


def test_the_last_answers_may_be_empty_but_none_between():
    values = {"s1": "One.", "s2": "Two.", "q": "Why?", "e1": "a", "e2": "b", "e3": " "}
    assert CHOICE.row(values | {"label": "B"})["choices"] == ["a", "b"]
    with pytest.raises(RowError, match="unknown label 'C'.*expected one of 'A', 'B'"):
        CHOICE.row(values | {"label": "C"})
    with pytest.raises(RowError, match="empty text in column 'e1'"):
        CHOICE.row(values | {"e1": "", "label": "B"})
    with pytest.raises(RowError, match="1 answers where two are needed"):
        CHOICE.row(values | {"e2": "", "label": "A"})


def test_answers_of_a_list_are_counted_from_nought():
    assert LISTED.row({"c": "x", "options": ["a", "b"], "label": 1})["label"] == 1
    with pytest.raises(RowError, match="unknown label '2'.*expected one of '0', '1'"):
        LISTED.row({"c": "x", "options": ["a", "b"], "label": 2})
    with pytest.raises(RowError, match="column 'options' must hold a list of answers"):
        LISTED.row({"c": "x", "options": "a, b", "label": 1})
