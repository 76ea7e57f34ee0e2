from gptpath.contamination.ngrams import NgramHasher


def test_case_punctuation_and_spacing_do_not_matter():
    first, second = NgramHasher(3).hash_texts(["The cat -- sat, DOWN.", "the\ncat sat_down"])
    assert len(first) == 2
    assert first.tolist() == second.tolist()


def test_the_order_of_words_matters():
    first, second = NgramHasher(3).hash_texts(["a b c", "c b a"])
    assert first.tolist() != second.tolist()


def test_ngrams_do_not_cross_from_one_text_into_the_next():
    hasher = NgramHasher(2)
    assert [len(hashes) for hashes in hasher.hash_texts(["a b", "c", "", "d e f"])] == [1, 0, 0, 2]
    [joined] = hasher.hash_texts(["a b c"])
    assert joined[1] not in hasher.hash_texts(["a b", "c"])[0]


def test_hashes_are_the_same_on_every_machine_and_run():
    [hashes] = NgramHasher(2).hash_texts(["to be"])
    assert hashes.tolist() == [4532450538194144696]
