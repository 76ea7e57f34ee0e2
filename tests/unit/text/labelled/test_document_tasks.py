import re
from collections import Counter
from dataclasses import replace

import pytest

from gptpath.text.labelled.document_tasks import (
    entailment,
    package,
    package_names,
    similarity,
    summary,
    tldr,
)
from gptpath.text.labelled.held_out import COMMON, hold_out


@pytest.fixture(scope="module")
def held(docstrings):
    return hold_out(docstrings, seed=1)


def test_only_groups_with_enough_documents_are_classes(held):
    sizes = Counter(h.document.group for h in held)
    names = package_names(held, 400)
    assert len(names) >= 2
    assert list(names) == sorted(names)
    assert all(sizes[name] >= 20 for name in names)
    assert package_names([h for h in held if h.document.group == names[0]], 400) == ()


def test_package_classes_are_equal_in_size_and_names_are_taken_out(held):
    names = package_names(held, 400)
    items = [item for block in package(held, names, 400) for item in block]
    counts = Counter(item.columns["label"] for item in items)
    assert set(counts) == set(range(len(names)))
    assert len(set(counts.values())) == 1
    for item in items:
        assert names[item.columns["label"]] == item.held.document.group
        assert not any(name in item.columns["text"].lower() for name in names)


def test_a_package_of_one_letter_leaves_other_words_alone(held):
    names = package_names(held, 400)
    short = [
        replace(h, document=replace(h.document, group="a"))
        for h in held
        if h.document.group == names[0]
    ]
    others = [h for h in held if h.document.group == names[1]]
    texts = [
        item.columns["text"]
        for block in package(short + others, ("a", names[1]), 400)
        for item in block
    ]
    assert any("a" in text for text in texts)
    assert not any(re.search(r"\ba\b", text, re.IGNORECASE) for text in texts)


def test_every_summary_serves_for_both_labels_and_never_outside_group_and_split(held):
    blocks = list(entailment(held))
    assert len(blocks) > 50
    places = {(h.prose.summary, h.split, h.document.group) for h in held}
    for own, other in blocks:
        assert (own.columns["label"], other.columns["label"]) == (1, 0)
        assert own.columns["premise"] == other.columns["premise"]
        assert own.columns["hypothesis"] == own.held.prose.summary
        assert own.columns["hypothesis"] not in own.columns["premise"]
        assert other.columns["hypothesis"] != own.columns["hypothesis"]
        place = (own.held.split, own.held.document.group)
        assert (other.columns["hypothesis"], *place) in places
    used = Counter(
        (item.columns["hypothesis"], item.columns["label"]) for block in blocks for item in block
    )
    assert max(used.values()) < COMMON  # of the few documents that share a summary, each its own


def test_similarity_pairs_one_beginning_with_its_own_and_with_another_end(held):
    blocks = list(similarity(held))
    assert len(blocks) > 50
    for same, different in blocks:
        own = " ".join(same.held.prose.sentences)
        assert same.columns["text_a"] == different.columns["text_a"]
        assert same.columns["text_a"] in own
        assert same.columns["text_b"] in own
        assert different.columns["text_b"] != same.columns["text_b"]


def test_tldr_summaries_are_the_authors_and_not_in_the_article(held):
    blocks = list(tldr(held))
    assert len(blocks) > 30
    for (item,) in blocks:
        assert item.columns["summary"] == item.held.prose.summary
        assert item.columns["summary"] not in item.columns["article"]


def test_books_yield_no_tasks_that_need_a_summary(document):
    text = " ".join(f"He saw ship number {'x' * n} on the sea." for n in range(1, 200))
    books = hold_out([document(text, kind="files", group=g) for g in ("a", "b")], seed=1)
    assert not list(entailment(books))
    assert not list(tldr(books))
    assert list(similarity(books))


def test_a_summary_stands_beside_a_sentence_of_another_body_of_its_group(held):
    blocks = list(summary(held))
    assert len(blocks) > 20
    bodies = {h.document.id: (h.document.group, set(h.prose.body)) for h in held}
    for own, other in blocks:
        assert (own.columns["label"], other.columns["label"]) == (1, 0)
        assert own.columns["premise"] == other.columns["premise"]
        assert own.columns["hypothesis"] == own.held.prose.summary
        owners = [d for d, (_, body) in bodies.items() if other.columns["hypothesis"] in body]
        assert any(bodies[d][0] == own.held.document.group for d in owners)
        assert owners != [own.held.document.id]
