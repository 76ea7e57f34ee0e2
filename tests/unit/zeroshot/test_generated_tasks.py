import pytest
from sacrebleu.metrics.bleu import BLEU

from gptpath.zeroshot.question_answering import (
    QuestionItem,
    score_conversations,
    score_open_questions,
    with_examples,
)
from gptpath.zeroshot.translation import PairItem, draw_examples, score_translations


def values(result):
    return {score.metric: score.value for score in result.scores}


@pytest.fixture
def writing(knowing):
    """A stand-in that writes what `answers` has for the last line of a prompt."""

    def make(answers, judge=lambda _, text: [-1.0] * len(text)):
        scorer = knowing(judge)
        scorer.context_length = 100
        scorer.prompts = []

        def generate(prompts, *, max_new_tokens, top_k, seed, stop):
            assert (top_k, stop) == (1, ("\n",))
            assert max_new_tokens > 0
            scorer.prompts += prompts
            asked = [p.rstrip("\n").splitlines() for p in prompts]
            return [answers.get(next(li for li in a[::-1] if li != "A:"), "") for a in asked]

        scorer.generate = generate
        return scorer

    return make


def question(number, answers, group=""):
    return QuestionItem(
        id=str(number), prompt=f"Q: {number}?\nA:", question=f"{number}?", answers=answers,
        group=group,
    )  # fmt: skip


def test_conversations_are_scored_by_f1_overall_and_by_domain(writing, report):
    items = [
        question(1, ("a white cat", "a cat"), "news"),
        question(2, ("yes",), "mctest"),
        question(3, ("no",), "mctest"),
    ]
    scorer = writing({"Q: 1?": " the cat", "Q: 2?": " yes", "Q: 3?": " maybe"})
    found = values(score_conversations(scorer, report, items))
    first = (1.0 + 2 * (1 * 0.5) / 1.5) / 2  # each of the two references left out once
    assert found["f1"] == pytest.approx((first + 1 + 0) / 3)
    assert found["f1-news"] == pytest.approx(first)
    assert found["f1-mctest"] == pytest.approx(0.5)
    assert found["exact-match"] == pytest.approx((0.5 + 1 + 0) / 3)


def test_a_long_story_loses_its_beginning_so_that_the_answer_fits(writing, report):
    scorer = writing({})
    long = QuestionItem(id="a", prompt="s" * 90 + "\nA:", question="", answers=("x",))
    score_conversations(scorer, report, [long])
    assert len(scorer.prompts[0]) == 100 - 32
    assert scorer.prompts[0].endswith("s\nA:")


def test_confident_answers_are_scored_apart(writing, report):
    items = [question(n, (f"right {n}",)) for n in range(10)]
    answers = {f"Q: {n}?": f" right {n}" if n < 3 else " wrong" for n in range(10)}

    def judge(context, text):
        return [-0.1 if "right" in text else -2.0] * len(text)

    result = score_open_questions(writing(answers, judge), report, items)
    found = values(result)
    assert found["exact-match"] == pytest.approx(0.3)
    assert found["exact-match-of-1-percent"] == found["exact-match-of-25-percent"] == 1.0
    assert found["exact-match-of-50-percent"] == pytest.approx(3 / 5)
    assert result.scores[0].majority == pytest.approx(0.1)
    [half] = [s for s in result.scores if s.metric == "exact-match-of-50-percent"]
    assert (half.items, half.interval) == (5, "wilson")
    assert half.low < 3 / 5 < half.high
    assert result.records[0].log_probs == pytest.approx((-0.1 * len(" right 0"),))


def test_solved_questions_come_first_and_are_not_asked():
    items = [question(n, (str(n),)) for n in range(9)]
    asked = with_examples(items, items, apart=False, seed=1)
    assert len(asked) == 4
    headers = {item.prompt.rpartition("Q: ")[0] for item in asked}
    [header] = headers
    assert header.count("A: ") == 5
    assert not any(f"Q: {item.question}" in header for item in asked)
    assert len(with_examples(items, [question("t", ("x",))] * 6, apart=True, seed=1)) == 9


def test_translations_are_the_first_sentence_after_the_examples(writing, report):
    items = [
        PairItem(id="0", source="one dog runs here", target="un chien court ici ."),
        PairItem(id="1", source="two dogs", target="deux chiens"),
    ]
    examples = [PairItem(id="e", source="a cat", target="un chat")]
    scorer = writing({"one dog runs here =": " un chien court ici . Et puis.", "two dogs =": " x"})
    result = score_translations(scorer, report, items, examples)
    assert scorer.prompts[0] == "a cat = un chat\none dog runs here ="
    theirs = BLEU().corpus_score(["un chien court ici .", "x"], [[i.target for i in items]])
    assert values(result)["bleu"] == pytest.approx(theirs.score)
    copied = BLEU().corpus_score([i.source for i in items], [[i.target for i in items]])
    assert result.scores[0].majority == pytest.approx(copied.score)


def test_examples_are_drawn_by_the_seed():
    pool = [PairItem(id=str(n), source=f"a{n}", target=f"b{n}") for n in range(30)]
    assert draw_examples(pool, 1) == draw_examples(pool, 1) != draw_examples(pool, 2)
    assert len(draw_examples(pool, 1)) == 5
