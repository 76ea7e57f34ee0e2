import random

from gptpath.text.deduplication import without_duplicates


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
