import pytest

from gptpath.zeroshot.answers import best_f1, coqa_score, exact_match, f1, normalise


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Cat's tail.", "cats tail"),
        ("a an the", ""),
        ("Theatre of an-other", "theatre of another"),
        ("¿Qué?", "¿qué"),  # only ASCII punctuation goes
    ],
)
def test_normalisation_follows_the_official_rule(text, plain):
    assert normalise(text) == plain


def test_f1_counts_words_as_often_as_they_occur():
    assert f1("to be or not to be", "to be") == pytest.approx(2 * (2 / 6) * 1 / (2 / 6 + 1))
    assert f1("nothing shared", "at all") == 0
    assert f1("the", "a") == 1  # both are empty once normalised
    assert best_f1("yes", ["no", "Yes."]) == 1


def test_exact_match_looks_at_every_reference():
    assert exact_match("the Moon", ["Mars", "moon"]) == 1
    assert exact_match("moons", ["moon"]) == 0


def test_several_references_are_left_out_in_turn_as_coqa_does():
    # Right by one of three references: found whenever that one is not the one left out.
    assert coqa_score("white", ["white", "black", "grey"], exact_match) == pytest.approx(2 / 3)
    assert coqa_score("white", ["white", "white"], exact_match) == 1
    assert coqa_score("white", ["white"], exact_match) == 1
