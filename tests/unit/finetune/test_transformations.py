import pytest

from gptpath.errors import CorpusError
from gptpath.finetune.transformations import Transformation

START, DELIMITER, EXTRACT = 257, 258, 259


@pytest.fixture
def transform(encoding):
    def make(kind, n_labels=2, context_length=32):
        return Transformation(
            kind=kind,
            n_labels=n_labels,
            encoding=encoding,
            vocab_size=257,
            context_length=context_length,
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
        (["a"], "1 choices where this task has 2"),
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
