from dataclasses import replace

from gptpath.text.labelled.held_out import (
    COMMON,
    WINDOW_SENTENCES,
    Item,
    chance,
    cut,
    fit,
    fit_last,
    hold_out,
    with_ids,
)


def test_documents_go_to_splits_in_the_stated_shares_each_to_one(docstrings):
    held = hold_out(docstrings, seed=1)
    assert len({h.document.id for h in held}) == len(held) == len(docstrings)
    counts = {s: sum(h.split == s for h in held) for s in ("train", "validation", "test")}
    assert abs(counts["train"] - 0.7 * len(held)) <= 1
    assert abs(counts["test"] - 0.2 * len(held)) <= 1


def test_the_order_of_documents_does_not_matter_but_the_seed_does(docstrings):
    held = hold_out(docstrings, seed=1)
    assert hold_out(docstrings[::-1], seed=1) == held
    assert hold_out(docstrings, seed=2) != held


def test_a_book_is_cut_into_windows_that_share_its_split(document):
    text = " ".join(f"He saw ship number {'x' * n} on the sea." for n in range(1, 41))
    book = document(text, kind="files")
    held = hold_out([book, *(replace(book, location=f"{n}") for n in range(2))], seed=1)
    assert not any(h.prose.sentences for h in held)  # three books share every sentence

    held = hold_out([book], seed=1)
    assert [len(h.prose.sentences) for h in held] == [WINDOW_SENTENCES] * 3
    assert len({h.split for h in held}) == 1
    assert all(h.text == " ".join(h.prose.sentences) for h in held)


def test_sentences_that_many_passages_share_are_boilerplate(document):
    shared = "Read more about this in the guide."
    given = [
        document(f"Summary number {'x' * n} is here.\n\nThis one is its {'y' * n} own. {shared}")
        for n in range(1, COMMON + 1)
    ]
    held = hold_out(given, seed=1)
    assert all(shared not in h.prose.sentences for h in held)
    assert all(len(h.prose.sentences) == 2 for h in held)
    kept = hold_out(given[:-1], seed=1)
    assert all(shared in h.prose.sentences for h in kept)


def test_ids_keep_the_items_of_a_block_together(docstrings):
    one, other = hold_out(docstrings, seed=1)[:2]
    blocks = [[Item(held=h, columns={"label": n}) for n in range(2)] for h in (one, other)]
    rows = sorted(with_ids("task", blocks), key=lambda row: row["id"])
    assert [row["label"] for row in rows] == [0, 1, 0, 1]
    assert rows[0]["document"] == rows[1]["document"] != rows[2]["document"]
    assert with_ids("task", blocks[::-1])[:2] == with_ids("task", blocks)[2:]
    assert with_ids("another", blocks)[0]["id"] != with_ids("task", blocks)[0]["id"]


def test_sentences_are_taken_whole_from_the_front_or_from_the_back():
    sentences = ["One two.", "Three four.", "Five six."]
    assert fit(sentences, 20) == "One two. Three four."
    assert fit(sentences, 5) == "One"
    assert fit_last(sentences, 21) == "Three four. Five six."
    assert fit_last(sentences, 5) == ""
    assert cut("words are cut", 9) == "words are"
    assert cut("words", 5) == "words"


def test_random_choices_are_fixed_by_seed_and_place():
    assert chance(1, "a").random() == chance(1, "a").random()
    assert chance(1, "a").random() != chance(2, "a").random() != chance(2, "b").random()
