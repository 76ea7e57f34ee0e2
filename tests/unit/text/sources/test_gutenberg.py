import gzip
import os
from pathlib import Path

import pytest

from gptpath.text.sources.decoding import decode
from gptpath.text.sources.gutenberg import without_boilerplate

ROOT = Path(__file__).parents[4]
REAL = Path(os.environ.get("GPTPATH_SHARED_DATA", ROOT.parent / "shared" / "data"))
BOOKS = sorted((REAL / "books" / "gitenberg").glob("*/*.txt.gz"))

BEGINNINGS = {
    "11-0": "ALICE’S ADVENTURES IN WONDERLAND",
    "1342-0": "PRIDE AND PREJUDICE",
    "1661-8": "THE ADVENTURES OF SHERLOCK HOLMES",
    "35-0": "The Time Machine",
    "36-0": "The War of the Worlds",
    "55": "The Wonderful Wizard of Oz",
    "76-0": "ADVENTURES",
}


def test_the_text_between_the_markers_remains_without_credits():
    text = (
        "The Project Gutenberg EBook of X\r\nheader\r\n"
        "*** START OF THIS PROJECT GUTENBERG EBOOK\r\nA LONG TITLE ***\r\n\r\n"
        "Produced by A. Volunteer\r\nand another\r\n\r\nChapter I\r\n\r\nThe end.\r\n\r\n"
        "End of the Project Gutenberg EBook of X\r\n"
        "*** END OF THIS PROJECT GUTENBERG EBOOK X ***\r\n"
    )
    kept, cut = without_boilerplate(text)
    assert cut
    assert kept.strip() == "Chapter I\n\nThe end."


def test_the_header_of_the_nineties_is_cut():
    text = "Header\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\nBook.\nMore."
    assert without_boilerplate(text)[0].strip() == "Book.\nMore."


def test_a_text_that_speaks_of_the_project_is_left_alone():
    text = "She said: I read it on Project Gutenberg.\n\nProduced by nobody.\n"
    assert without_boilerplate(text) == (text, False)


@pytest.mark.skipif(not BOOKS, reason="the published books are not here")
@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.name)
def test_of_real_books_only_the_book_remains(path):
    decoded = decode(gzip.decompress(path.read_bytes()))
    assert decoded is not None
    kept, cut = without_boilerplate(decoded.text)
    assert cut
    assert "gutenberg" not in kept.lower()
    assert "www." not in kept
    lines = [line.strip() for line in kept.split("\n") if line.strip()]
    beginning = BEGINNINGS[path.name.split(".")[0]]
    assert beginning in (lines[0], lines[0].rstrip(":")) or path.name.startswith("36-0")
    assert len(kept) > 0.85 * len(decoded.text)
