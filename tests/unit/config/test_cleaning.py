from dataclasses import fields

import pytest
from pydantic import TypeAdapter

from gptpath.config.cleaning import C4, Cleaning, FineWeb, Gopher
from gptpath.errors import ConfigError


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Cleaning(min_chars=0), "0 < min_chars=0"),
        (lambda: Cleaning(min_letters=1.5), r"min_letters=1\.5 must lie between 0 and 1"),
        (lambda: Cleaning(language_confidence=-1), "language_confidence=-1 must lie"),
        (lambda: Cleaning(remove_domains=("https://a.com/x",)), "expected a host name"),
        (lambda: Cleaning(remove_domains=("localhost",)), "expected a host name"),
        (lambda: Gopher(min_words=9, max_words=8), "min_words=9 <= max_words=8"),
        (lambda: Gopher(max_top_ngram_chars=(0.2, 20, 0.1)), "gopher.max_top_ngram_chars"),
        (lambda: FineWeb(max_short_lines=67), "fineweb.max_short_lines=67 must lie"),
    ],
)
def test_impossible_settings_are_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()


def test_sections_are_read_from_yaml_values():
    given = {"quality": ["gopher", "c4"], "gopher": {"max_top_ngram_chars": [0.2, 0.2, 0.2]}}
    read = TypeAdapter(Cleaning).validate_python(given)
    assert read == Cleaning(
        quality=("gopher", "c4"), gopher=Gopher(max_top_ngram_chars=(0.2, 0.2, 0.2))
    )


def test_every_field_of_the_rule_sets_is_in_the_documentation(request):
    page = (request.config.rootpath / "docs" / "cleaning.md").read_text(encoding="utf-8")
    for section in (Cleaning, Gopher, C4, FineWeb):
        for field in fields(section):
            assert f"`{field.name}`" in page
