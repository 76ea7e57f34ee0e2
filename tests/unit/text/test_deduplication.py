import hashlib
import random

from gptpath.text.deduplication import fingerprint, without_duplicates


def test_of_equal_texts_the_lowest_location_stays(document):
    given = [
        document("The Same  words.\n", location="b:x"),
        document("the same words.", location="a:y"),
        document("other words.", location="c:z"),
    ]
    assert [d.location for d in without_duplicates(given)] == ["a:y", "c:z"]


def test_the_order_given_does_not_matter(document):
    given = [document(f"text {n % 7}", location=f"m:{n}") for n in range(40)]
    shuffled = random.Random(1).sample(given, len(given))
    assert without_duplicates(shuffled) == without_duplicates(given)
    assert len(without_duplicates(given)) == 7


def test_white_space_of_any_script_is_left_out_of_fingerprints():
    spaces = [chr(point) for point in range(0x110000) if chr(point).isspace()]
    for text in ("Straße eins", "plain ascii", "“quotes”"):
        plain = hashlib.blake2b("".join(text.casefold().split()).encode(), digest_size=16).digest()
        for space in spaces:
            assert fingerprint(f"{space}{text.replace(' ', space)}{space}") == plain
