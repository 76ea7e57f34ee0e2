from collections import Counter

import pytest

from gptpath.text.labelled.continuation_tasks import CHOICES, continuation, wording
from gptpath.text.labelled.held_out import hold_out


@pytest.fixture(scope="module")
def held(docstrings):
    return hold_out(docstrings, seed=1)


def all_text(held) -> dict[str, str]:
    return {h.document.id: " ".join(h.prose.sentences) for h in held}


def test_a_continuation_is_the_true_next_sentence_among_those_of_its_own_split(held):
    owners: dict[str, set[str]] = {}
    for h in held:
        for sentence in h.prose.sentences:
            owners.setdefault(sentence, set()).add(h.split)
    labels: Counter[int] = Counter()
    for (item,) in continuation(held, 1):
        choices, label = item.columns["choices"], item.columns["label"]
        assert len(set(choices)) == CHOICES
        joined = f"{item.columns['context']} {choices[label]}"
        assert joined in all_text([item.held])[item.held.document.id]
        assert all(item.held.split in owners[choice] for choice in choices)
        labels[label] += 1
    assert set(labels) == set(range(CHOICES))
    assert max(labels.values()) < 2 * min(labels.values())


def test_a_wording_is_the_true_next_sentence_among_three_corruptions_of_it(held):
    labels: Counter[int] = Counter()
    for (item,) in wording(held, 1):
        choices, label = item.columns["choices"], item.columns["label"]
        assert len(set(choices)) == CHOICES
        runs = [" ".join(run) for run in item.held.prose.runs]
        assert any(f"{item.columns['context']} {choices[label]}" in run for run in runs)
        length = len(choices[label].split())
        ends = [(c.split()[0], c.split()[-1]) for c in choices]
        assert {len(c.split()) for c in choices} == {length}
        assert len(set(ends)) == 1
        labels[label] += 1
    assert set(labels) == set(range(CHOICES))
    assert max(labels.values()) < 2 * min(labels.values())
