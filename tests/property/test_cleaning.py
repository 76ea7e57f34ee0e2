"""What holds for cleaning whatever the texts."""

import itertools
import unicodedata

import ftfy
import polars as pl
from ftfy.badness import is_bad
from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.config.cleaning import C4, Cleaning, Gopher
from gptpath.text import cleaning
from gptpath.text.cleaning import clean, clean_frame, normalise_frame
from gptpath.text.documents import COLUMNS, SCHEMA

ODD = [
    *("schÃ¶n", "â€œ", "â€™", "Ã\u00a0", "cœ", "naïve", "“Curly”", "<b>&amp;</b>"),
    *("\ufeff", "\x00", "\u200b", "\r\n", "\r", "\x0b", "\x0c", "\x1b[31m", "\x85", "\u2028"),
    *("e\u0301", "\u0301", "שלום", "\u202e", "日本語", "😀", "👩\u200d👩\u200d👧"),
    *("\ufffe", "\U0001ffff", "\ufdd0", "x" * 3000, "!?...", "—" * 50, "  \n", "\t\n\n\n\n"),
    *("joe@site.net", "93.184.216.34", "[1]", "{", "Plain words stand here, and more of them.\n"),
]
pieces = st.one_of(st.sampled_from(ODD), st.text(max_size=8), st.sampled_from([" ", "a", "\n"]))
any_text = st.lists(pieces, max_size=12).map("".join)
storable = any_text.map(lambda text: text.encode("utf-8", "replace").decode())
EVERYTHING = Cleaning(
    min_chars=5,
    languages=("en",),
    quality=("gopher", "c4", "fineweb"),
    gopher=Gopher(min_words=2, min_stop_words=0),
    c4=C4(min_sentences=1),
    mask=("email", "ip"),
    remove_domains=("wikipedia",),
)


def frame_of(texts: list[str]) -> pl.DataFrame:
    columns = {name: [f"{name} {i}" for i in range(len(texts))] for name in COLUMNS}
    columns["location"] = [
        f"https://{'en.wikipedia' if i % 5 == 1 else 'a'}.org/{i}" for i in range(len(texts))
    ]
    return pl.DataFrame(columns | {"text": texts}, schema=SCHEMA)


@given(any_text)
def test_cleaning_is_idempotent_and_leaves_neither_controls_nor_surrogates(text):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in cleaned)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(line != line.rstrip() for line in cleaned.split("\n"))


suspects = st.text("ÃÂâà€™œŠ²ŒØÙ×√≈‚ÄВГРСвЂā°©\u00a0é“ \nabA.,-", max_size=40)


@given(st.one_of(any_text, suspects))
def test_a_text_is_repaired_as_ftfy_repairs_it(text):
    assert cleaning._repair(text) == ftfy.fix_text(text, cleaning._FTFY)


def test_ordinary_typography_is_never_taken_for_a_wrong_decoding():
    ascii_kinds = ["a", "A", " ", ".", "1", "\n"]
    for length in (1, 2, 3, 4):
        for characters in itertools.product([*cleaning.TYPOGRAPHY, *ascii_kinds], repeat=length):
            assert not is_bad("".join(characters))
    assert unicodedata.is_normalized("NFC", cleaning.TYPOGRAPHY)


@given(st.lists(storable, max_size=6))
def test_texts_of_a_table_are_cleaned_like_single_ones(texts):
    cleaned = normalise_frame(frame_of(texts), Cleaning())["text"].to_list()
    assert cleaned == [clean(text) for text in texts]


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(storable, max_size=9), size=st.integers(1, 4))
def test_every_row_is_kept_or_dropped_for_one_reason_whatever_the_batch(texts, size):
    frame = frame_of(texts)
    whole = clean_frame(frame, EVERYTHING)
    assert whole.kept.columns == list(COLUMNS)
    assert whole.dropped.columns == [*COLUMNS, "reason"]
    assert sorted([*whole.kept["id"], *whole.dropped["id"]]) == sorted(frame["id"])
    assert all(whole.dropped["reason"])
    batches = [clean_frame(part, EVERYTHING) for part in frame.iter_slices(size)]
    if batches:
        assert pl.concat([b.kept for b in batches]).equals(whole.kept)
        assert pl.concat([b.dropped for b in batches]).equals(whole.dropped)


@settings(max_examples=60, deadline=None)
@given(st.lists(storable, max_size=6))
def test_cleaning_what_was_kept_changes_and_drops_nothing(texts):
    kept = clean_frame(frame_of(texts), EVERYTHING).kept
    again = clean_frame(kept, EVERYTHING)
    assert again.kept.equals(kept)
    assert again.dropped.is_empty()
