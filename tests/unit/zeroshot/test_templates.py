import pytest

from gptpath.errors import ConfigError
from gptpath.zeroshot.items import MalformedItemError
from gptpath.zeroshot.templates import lookup, render

ROW = {
    "name": "ann LEE",
    "age": 3,
    "gap": "It was _ who lost _.",
    "question": {"stem": "Why?", "choices": [{"text": "a"}, {"text": "b"}]},
    "yes": True,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("no field", "no field"),
        ("{name} is {age}", "ann LEE is 3"),
        ("{name|capitalize}, {name|upper}", "Ann lee, ANN LEE"),
        ("{question.stem} {question.choices.1.text}", "Why? b"),
        ("{{name}} {{{age}}}", "{name} {3}"),
        ("{gap|before:_}Bob{gap|after:_|strip|lower}", "It was Bobwho lost _."),
    ],
)
def test_fields_paths_and_filters_are_filled_in(template, text):
    assert render(template, ROW) == text


def test_a_key_after_a_list_collects_it_from_every_element():
    assert lookup(ROW, "question.choices.text") == ["a", "b"]


@pytest.mark.parametrize(
    "template", ["{nothing}", "{question.stem.x}", "{question}", "{yes}", "{name|after:?}"]
)
def test_what_cannot_be_filled_in_is_a_malformed_row(template):
    with pytest.raises(MalformedItemError):
        render(template, ROW)


@pytest.mark.parametrize("template", ["{name|shout}", "{name|before}"])
def test_an_unknown_filter_is_refused(template):
    with pytest.raises(ConfigError, match="known: capitalize"):
        render(template, ROW)
