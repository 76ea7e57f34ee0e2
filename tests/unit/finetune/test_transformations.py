import pytest

from gptpath.errors import CorpusError
from gptpath.finetune.transformations import Transformation

START, DELIMITER, EXTRACT = 257, 258, 259


@pytest.fixture
def transform(encoding):
    def make(kind, n_labels=2, context_length=32, score_range=None):
        return Transformation(
            kind=kind,
            n_labels=n_labels,
            encoding=encoding,
            vocab_size=257,
            context_length=context_length,
            score_range=score_range,
        )

    return make


def only(transformation, row):
    [example] = transformation.examples([{"label": 1, **row}], labelled=True)
    return example


def test_classification_is_start_text_extract(transform):
    example = only(transform("classification"), {"text": "ab"})
    assert example.sequences == ((START, 97, 98, EXTRACT),)
    assert (example.label, example.length) == (1, 4)


def test_entailment_puts_the_delimiter_between_premise_and_hypothesis(transform):
    example = only(transform("entailment"), {"premise": "ab", "hypothesis": "c"})
    assert example.sequences == ((START, 97, 98, DELIMITER, 99, EXTRACT),)


def test_similarity_holds_both_orders(transform):
    example = only(transform("similarity"), {"text_a": "ab", "text_b": "c"})
    assert example.sequences == (
        (START, 97, 98, DELIMITER, 99, EXTRACT),
        (START, 99, DELIMITER, 97, 98, EXTRACT),
    )


def test_multiple_choice_pairs_the_context_with_every_answer(transform):
    example = only(transform("multiple-choice", 3), {"context": "ab", "choices": ["c", "de", "f"]})
    assert example.sequences == (
        (START, 97, 98, DELIMITER, 99, EXTRACT),
        (START, 97, 98, DELIMITER, 100, 101, EXTRACT),
        (START, 97, 98, DELIMITER, 102, EXTRACT),
    )


def test_items_may_have_different_numbers_of_answers(transform):
    rows = [{"context": "a", "choices": list("bcdef")[:n], "label": n - 1} for n in (2, 5, 3)]
    examples = transform("multiple-choice").examples(rows, labelled=True)
    assert [len(example.sequences) for example in examples] == [2, 5, 3]
    assert [example.label for example in examples] == [1, 4, 2]
    with pytest.raises(CorpusError, match="unknown label 2; expected a whole number from 0 to 1"):
        transform("multiple-choice", 5).examples([rows[0] | {"label": 2}], labelled=True)


def test_a_question_stands_after_its_context_which_alone_is_cut(transform):
    row = {"context": "c" * 99, "question": "qu", "choices": ["x", "y"]}
    first, _ = only(transform("multiple-choice"), row).sequences
    assert first == (START, *[99] * 12, 113, 117, DELIMITER, 120, EXTRACT)


def test_a_regression_holds_both_orders_and_a_place_among_its_anchors(transform):
    transformation = transform("regression", n_labels=5, score_range=(1.0, 5.0))
    row = {"text_a": "ab", "text_b": "c", "label": 3.5}
    [example] = transformation.examples([row], labelled=True)
    assert example.sequences == (
        (START, 97, 98, DELIMITER, 99, EXTRACT),
        (START, 99, DELIMITER, 97, 98, EXTRACT),
    )
    assert example.label == 2.5
    for bad in (0.9, 5.1, float("nan"), "3", True):
        with pytest.raises(CorpusError, match="expected a number from 1.0 to 5.0; row: "):
            transformation.examples([row | {"label": bad}], labelled=True)


def test_cut_texts_are_marked(transform):
    pair = transform("entailment")
    assert not only(pair, {"premise": "p" * 14, "hypothesis": "h" * 14}).cut
    assert only(pair, {"premise": "p" * 15, "hypothesis": "h"}).cut
    assert only(pair, {"premise": "p", "hypothesis": "h" * 15}).cut
    assert not only(transform("classification"), {"text": "t" * 30}).cut
    assert only(transform("classification"), {"text": "t" * 31}).cut


def test_each_part_of_a_pair_is_cut_to_half_the_context_less_two(transform):
    example = only(transform("entailment"), {"premise": "p" * 99, "hypothesis": "h" * 99})
    [sequence] = example.sequences
    assert sequence == (START, *[112] * 14, DELIMITER, *[104] * 14, EXTRACT)
    assert len(sequence) == 31


def test_a_lone_text_fills_the_context(transform):
    [sequence] = only(transform("classification"), {"text": "t" * 99}).sequences
    assert len(sequence) == 32
    assert (sequence[0], sequence[-1]) == (START, EXTRACT)


def test_rows_to_predict_need_no_label(transform):
    [example] = transform("classification").examples([{"text": "a"}], labelled=False)
    assert example.label == -1


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"premise": "a", "label": 0}, "no value in column 'hypothesis'"),
        ({"premise": "a", "hypothesis": None, "label": 0}, "no value in column 'hypothesis'"),
        ({"premise": "a", "hypothesis": "b"}, "no value in column 'label'"),
        ({"premise": " \n", "hypothesis": "b", "label": 0}, "empty text in column 'premise'"),
        ({"premise": 7, "hypothesis": "b", "label": 0}, "must hold text, not int"),
        ({"premise": "a", "hypothesis": "b", "label": 2}, "unknown label 2; expected .* 0 to 1"),
        ({"premise": "a", "hypothesis": "b", "label": "1"}, "unknown label '1'"),
    ],
)
def test_a_bad_row_is_shown(transform, row, what):
    with pytest.raises(CorpusError, match=what) as raised:
        transform("entailment").examples([row], labelled=True)
    assert "row: {'premise':" in str(raised.value)


@pytest.mark.parametrize(
    ("choices", "what"),
    [
        (["a"], "1 choices; two or more are needed"),
        ("ab", "choices must be a list"),
        (["a", " "], "empty text in column 'choices'"),
    ],
)
def test_bad_choices_are_shown(transform, choices, what):
    row = {"context": "c", "choices": choices, "label": 0}
    with pytest.raises(CorpusError, match=what):
        transform("multiple-choice").examples([row], labelled=True)


def test_a_kind_without_a_head_is_refused(transform):
    with pytest.raises(CorpusError, match="kind 'cloze' has no head; known: classification"):
        transform("cloze")


def test_a_context_too_short_for_two_texts_is_refused(transform):
    with pytest.raises(CorpusError, match="context_length=5"):
        transform("entailment", context_length=5)
