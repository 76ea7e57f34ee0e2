import pytest

from gptpath.zeroshot.items import (
    MalformedItemError,
    acceptability_item,
    choice_item,
    cloze_item,
    last_word_item,
    parse_items,
    passage_item,
    schema_item,
    summary_item,
)

GOOD = {
    last_word_item: {"id": "a", "context": "so it", "target": "ends"},
    cloze_item: {
        "id": "a",
        "context": "Before.",
        "prefix": "The ",
        "suffix": " sat.",
        "choices": ["cat", "dog"],
        "label": 1,
    },
    choice_item: {"id": "a", "context": "So", "choices": ["it", "they"], "label": 0},
    acceptability_item: {"id": "a", "text": "It is.", "label": 1, "pair": "p"},
    summary_item: {"id": "a", "article": "Long.", "summary": "Short."},
    passage_item: {"id": "a", "text": "and so it ends"},
    schema_item: {
        "id": "a",
        "context_options": ["The cup", "The table"],
        "continuation": "fell.",
        "gold": 0,
    },
}


@pytest.mark.parametrize("parse", GOOD, ids=lambda parse: parse.__name__)
def test_a_good_row_is_read(parse):
    assert parse(GOOD[parse]).id == "a"


@pytest.mark.parametrize("parse", GOOD, ids=lambda parse: parse.__name__)
def test_a_row_that_lacks_any_field_or_has_none_in_it_is_malformed(parse):
    for key in GOOD[parse]:
        for row in (
            {k: v for k, v in GOOD[parse].items() if k != key},
            GOOD[parse] | {key: None},
        ):
            with pytest.raises(MalformedItemError, match="is|choices"):
                parse(row)


@pytest.mark.parametrize(
    ("parse", "change"),
    [
        (last_word_item, {"target": "two words"}),
        (last_word_item, {"target": "  "}),
        (choice_item, {"label": 2}),
        (choice_item, {"label": True}),
        (choice_item, {"choices": ["same", "same"]}),
        (choice_item, {"choices": ["only one"]}),
        (choice_item, {"choices": ["a", 3]}),
        (acceptability_item, {"label": -1}),
        (schema_item, {"context_options": ["a", "b", "c"]}),
        (passage_item, {"text": "oneword"}),
    ],
)
def test_fields_that_make_no_sense_are_malformed(parse, change):
    with pytest.raises(MalformedItemError):
        parse(GOOD[parse] | change)


def test_malformed_rows_are_counted_and_the_others_kept():
    rows = [GOOD[choice_item], {}, GOOD[choice_item] | {"label": 9}]
    items, malformed = parse_items(rows, choice_item)
    assert len(items) == 1
    assert malformed == {"choices is no list of texts": 1, "label is no number from 0 to 1": 1}


def test_a_missing_space_between_context_and_choice_is_added_once():
    assert choice_item(GOOD[choice_item]).choices == (" it", " they")
    assert choice_item(GOOD[choice_item] | {"context": "So "}).choices == ("it", "they")
    assert choice_item(GOOD[choice_item] | {"choices": [" it", " they"]}).choices == (
        " it",
        " they",
    )


def test_the_sentence_of_a_cloze_item_follows_its_context_after_one_space():
    assert cloze_item(GOOD[cloze_item]).before == "Before. The "
    assert cloze_item(GOOD[cloze_item] | {"context": ""}).before == "The "


def test_the_last_word_of_a_passage_is_its_target():
    item = passage_item(GOOD[passage_item])
    assert (item.context, item.target) == ("and so it ", "ends")


def test_the_last_word_may_stand_on_a_line_of_its_own():
    item = passage_item({"id": "a", "text": "and so\n\nit\n"})
    assert (item.context, item.target) == ("and so\n\n", "it")


def test_a_schema_goes_on_after_a_space_unless_punctuation_follows():
    assert schema_item(GOOD[schema_item]).continuation == " fell."
    assert schema_item(GOOD[schema_item] | {"continuation": "."}).continuation == "."
