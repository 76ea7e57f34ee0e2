import gzip

import pytest

from gptpath.config.cleaning import Cleaning
from gptpath.errors import ConfigError
from gptpath.text.clean.language import (
    OTHER_LANGUAGE,
    UNDETECTED_LANGUAGE,
    UNKNOWN,
    detect_language,
    language_reasons,
)
from tests.shared_data import REAL

CAPTIONS = REAL / "multi30k_en_fr"

ENGLISH = "The weather was fine that day, and we walked along the river until it got dark. "
FRENCH = "Il faisait beau ce jour-là, et nous avons longé la rivière jusqu'à la tombée de la nuit. "


def test_languages_are_named_with_their_shares():
    assert detect_language(ENGLISH).code == "en"
    mixed = detect_language(ENGLISH * 6 + FRENCH * 3)
    assert mixed.code == "en"
    assert mixed.shares["en"] + mixed.shares["fr"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("odd", ["\ufffe", "\U0010ffff", "\ufdd0", "\x00", "\x9f", "\ud800"])
def test_characters_that_cld2_refuses_do_no_harm(odd):
    assert detect_language(f"{ENGLISH}{odd} {ENGLISH}").code == "en"


def test_every_code_point_is_taken():
    for start in range(0, 0x110000, 0x1000):
        detect_language("".join(map(chr, range(start, start + 0x1000))))


@pytest.mark.parametrize("text", ["", "   ", "12 34", "ok", "😀😀😀", "!!! ... ???", "x" * 500])
def test_texts_without_language_are_undetected(text):
    assert detect_language(text).code == UNKNOWN


def test_texts_are_kept_by_language_share_and_certainty():
    texts = [ENGLISH * 3, FRENCH * 3, ENGLISH * 6 + FRENCH * 3, "12 34"]
    asked = Cleaning(languages=("en",))
    assert language_reasons(texts, asked) == ["", OTHER_LANGUAGE, "", UNDETECTED_LANGUAGE]
    strict = Cleaning(languages=("en",), language_confidence=0.9, undetected_language="keep")
    assert language_reasons(texts, strict) == ["", OTHER_LANGUAGE, OTHER_LANGUAGE, ""]
    both = Cleaning(languages=("en", "fr"), language_confidence=0.9)
    assert language_reasons(texts[:3], both) == ["", "", ""]


def test_an_unknown_language_code_is_refused():
    with pytest.raises(ConfigError, match="'english'; CLD2 knows .* en,"):
        language_reasons([ENGLISH], Cleaning(languages=("english",)))


@pytest.mark.skipif(not CAPTIONS.is_dir(), reason="no captions here")
@pytest.mark.parametrize(("lines", "least"), [(5, 0.99), (10, 1.0)])
def test_english_and_french_captions_are_told_apart(lines, least):
    right = total = 0
    for code in ("en", "fr"):
        path = next(CAPTIONS.rglob(f"test_2016_flickr.{code}.gz"))
        captions = gzip.decompress(path.read_bytes()).decode().splitlines()
        for i in range(0, len(captions), lines):
            right += detect_language(" ".join(captions[i : i + lines])).code == code
            total += 1
    assert right >= least * total
