import gzip
from collections import Counter

import pytest

from gptpath.text.sources.decoding import decode
from gptpath.text.sources.gutenberg import without_boilerplate
from tests.shared_data import REAL

BOOKS = sorted((REAL / "books" / "gitenberg").glob("*/*.txt.gz"))

BEGINNINGS = {
    "11-0": "ALICE’S ADVENTURES IN WONDERLAND",
    "1342-0": "PRIDE AND PREJUDICE",
    "1661-8": "THE ADVENTURES OF SHERLOCK HOLMES",
    "35-0": "The Time Machine",
    "36-0": "The War of the Worlds",  # stands above the header alone
    "55": "The Wonderful Wizard of Oz",
    "76-0": "ADVENTURES",
}

ENDINGS = {
    "11-0": "THE END",
    "1342-0": "her into Derbyshire, had been the means of uniting them.",
    "1661-8": "Walsall, where I believe that she has met with considerable success.",
    "35-0": "still lived on in the heart of man.",
    "36-0": "that I have counted her, and that she has counted me, among the dead.",
    "55": "And oh, Aunt Em!  I'm so glad to be at home again!\"",
    "76-0": "THE END. YOURS TRULY, _HUCK FINN_.",
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


@pytest.mark.parametrize(
    "end",
    [
        "End of Project Gutenberg's X, by Y",
        "End of the Project Gutenberg EBook of X",
        "End of this Project Gutenberg Etext of X",
        "End of The Project Gutenberg Etext X",
        "***END OF THE PROJECT GUTENBERG EBOOK X***",
        "*** END OF THIS PROJECT GUTENBERG ETEXT X ***",
    ],
)
def test_every_known_end_marker_ends_the_book(end):
    assert without_boilerplate(f"Book.\n\n{end}\nLicence.\n") == ("Book.\n\n", True)


@pytest.mark.parametrize(
    "credits",
    [
        "Produced by A. Volunteer",
        "E-text prepared by A and B",
        "This etext was prepared by A. Volunteer",
        "This eBook was produced by A\nand many others",
        "Transcribed from the 1914 Methuen & Co. edition\nby David Price",
    ],
)
def test_credits_go_and_the_book_stays(credits):
    text = f"*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\n\n{credits}\n\nProduced in Rome."
    assert without_boilerplate(text)[0].strip() == "Produced in Rome."


def test_a_header_with_both_start_markers_goes_as_a_whole():
    text = (
        "***The Project Gutenberg Etext of X***\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n"
        "Please send money.\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n"
        "Book.\n"
    )
    assert without_boilerplate(text)[0].strip() == "Book."


def test_of_several_books_in_one_file_each_is_kept():
    one = (
        "The Project Gutenberg EBook of {0}\n*** START OF THE PROJECT GUTENBERG EBOOK {0} ***\n"
        "Book {0}.\n*** END OF THE PROJECT GUTENBERG EBOOK {0} ***\nLicence.\n"
    )
    kept, _ = without_boilerplate(one.format("A") + one.format("B"))
    assert kept.split() == ["Book", "A.", "Book", "B."]


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
    for words in ("gutenberg", "www.", "ebook", " etext", "produced by an", "***"):
        assert words not in kept.lower()
    lines = [line.strip() for line in kept.split("\n") if line.strip()]
    beginning = BEGINNINGS[path.name.split(".")[0]]
    assert beginning == lines[0]
    assert ENDINGS[path.name.split(".")[0]] == lines[-1]
    # Everything between the markers' lines is there but the credits, one paragraph at most.
    whole = decoded.text.replace("\r\n", "\n")
    between = whole[whole.index("EBOOK", whole.index("*** START")) :]
    between = between[between.index("***") + 3 : between.index("End of ")]
    lost = Counter(between.split()) - Counter(kept.split())
    assert sum(lost.values()) <= 10
    assert not lost or "Produced" in lost
