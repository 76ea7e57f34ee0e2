import numpy as np

from gptpath.text.duplicates import shingles as module
from gptpath.text.duplicates.shingles import shingle


def hashes(text, n):
    return shingle([text], n).hashes.tolist()


def test_a_text_has_one_shingle_for_each_run_of_n_words():
    shingles = shingle(["a b c d", "", "e f", "g h i"], 3)
    assert np.diff(shingles.ends, prepend=0).tolist() == [2, 0, 1, 1]
    assert len(set(shingles.hashes.tolist())) == 4


def test_case_and_punctuation_do_not_count_but_word_order_does():
    assert hashes("The cat, sat!", 3) == hashes("the CAT sat", 3)
    assert hashes("the cat sat", 3) != hashes("cat the sat", 3)
    assert hashes("ab c d", 3) != hashes("a bc d", 3)


def test_a_short_text_is_one_shingle_unlike_those_that_begin_with_it():
    [short] = hashes("one two", 3)
    assert short not in hashes("one two three four", 3)
    assert hashes("One, two", 3) == [short]


def test_characters_of_scripts_without_spaces_are_words():
    assert len(hashes("深層学習は楽しい", 2)) == 7
    assert len(hashes("Тест на русском", 1)) == 3


def test_texts_longer_than_any_before_are_hashed_alike():
    text = "alpha beta gamma delta " * 3
    assert hashes("x " * 400_000 + text, 5)[-8:] == hashes(text, 5)


def test_the_table_of_code_points_holds_every_letter():
    last = module._CODE_POINTS - 1
    assert not chr(last).isalnum()
    assert not any(chr(point).isalnum() for point in range(last, 0x110000))
