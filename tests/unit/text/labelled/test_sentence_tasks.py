import random
from collections import Counter

import pytest

from gptpath.text.documents import Document
from gptpath.text.labelled.continuation_tasks import continuation, wording
from gptpath.text.labelled.held_out import hold_out
from gptpath.text.labelled.prose import words_of
from gptpath.text.labelled.sentence_tasks import (
    CANDIDATES,
    PER_DOCUMENT,
    acceptability,
    cloze,
    corrupt,
    is_content,
    last_word,
)

SENTENCE = "The number of arrays is given by the size of the first axis of the input."


@pytest.fixture(scope="module")
def held(docstrings):
    return hold_out(docstrings, seed=1)


def all_text(held) -> dict[str, str]:
    return {h.document.id: " ".join(h.prose.sentences) for h in held}


def test_a_corrupted_sentence_differs_inside_and_keeps_its_ends():
    for seed in range(60):
        corrupted = corrupt(SENTENCE, [SENTENCE, "Other words occur here."], random.Random(seed))
        assert corrupted is not None
        assert corrupted != SENTENCE
        assert corrupted.split()[0] == "The"
        assert corrupted.split()[-1] == "input."
        assert len(corrupted.split()) == len(SENTENCE.split())


def test_a_sentence_that_offers_nothing_to_corrupt_is_left_out():
    assert corrupt("Returns nothing.", [], random.Random(1)) is None


def test_acceptability_pairs_a_sentence_with_its_corruption(held):
    blocks = list(acceptability(held, 1))
    assert len(blocks) > 50
    texts = all_text(held)
    for natural, corrupted in blocks:
        assert (natural.columns["label"], corrupted.columns["label"]) == (1, 0)
        assert natural.columns["pair"] == corrupted.columns["pair"]
        assert natural.columns["text"] in texts[natural.held.document.id]
        assert natural.columns["text"] != corrupted.columns["text"]
    assert len({natural.columns["pair"] for natural, _ in blocks}) == len(blocks)


def test_a_last_word_has_occurred_before_and_completes_a_real_sentence(held):
    blocks = list(last_word(held, 1))
    assert len(blocks) > 30
    for (item,) in blocks:
        context, target = item.columns["context"], item.columns["target"]
        assert is_content(target, least=3)
        assert target in {word.lower() for word in words_of(context)}
        last = f"{context} {target}.".rsplit(". ", 1)[-1]
        assert last in all_text([item.held])[item.held.document.id]


def test_cloze_candidates_all_occur_elsewhere_in_the_document(held):
    blocks = list(cloze(held, 1))
    assert len(blocks) > 50
    for (item,) in blocks:
        columns = item.columns
        answer = columns["choices"][columns["label"]]
        sentence = columns["prefix"] + answer + columns["suffix"]
        assert sentence in item.held.prose.sentences
        assert len(set(columns["choices"])) == CANDIDATES
        others = [s for s in item.held.prose.sentences if s != sentence]
        elsewhere = {word for s in others for word in words_of(s)}
        assert set(columns["choices"]) <= elsewhere
        inside = set(words_of(columns["prefix"] + " " + columns["suffix"]))
        assert not inside.intersection(columns["choices"])


@pytest.mark.parametrize("task", [acceptability, continuation, wording, last_word, cloze])
def test_every_document_has_its_turn_before_any_has_a_second(held, task):
    owners = [block[0].held.document.id for block in task(held, 1)]
    counts = Counter(owners)
    assert max(counts.values()) <= PER_DOCUMENT
    assert len(set(owners[: len(counts)])) == len(counts)


@pytest.mark.parametrize("task", [acceptability, continuation, wording, last_word, cloze])
def test_the_same_seed_gives_the_same_items(held, task):
    assert list(task(held, 1)) == list(task(held, 1))
    assert list(task(held, 1)) != list(task(held, 2))


def test_passages_of_one_book_share_no_pair(docstrings):
    text = "\n\n".join(d.text for d in docstrings[:400])
    book = Document(text=text, source="files", kind="files", location="a.txt", group="a")
    blocks = list(acceptability(hold_out([book], seed=1), 1))
    assert len(blocks) > 100
    names = {natural.columns["pair"] for natural, _ in blocks}
    sentences = {natural.columns["text"] for natural, _ in blocks}
    assert len(names) >= len(sentences)
