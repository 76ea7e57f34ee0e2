import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from gptpath.errors import CorpusError
from gptpath.zeroshot import scoring
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.scoring import Scorer

MakeScorer = Callable[..., Scorer]
FAMILIES = ("gpt2", "gpt1", "lstm")


def a_mix_of_requests() -> list[Request]:
    pick = random.Random(0)

    def text(most: int) -> str:
        return "".join(pick.choice("abcde fg") for _ in range(pick.randint(0, most))).strip()

    requests = [Request(context=text(40), continuations=(" x" + text(12),)) for _ in range(20)]
    requests += [
        Request(context=text(14), continuations=tuple(f" {c}{text(12)}" for c in "pqrs"))
        for _ in range(20)
    ]
    requests.append(Request(context="ab", continuations=(" " + "long " * 12,)))
    requests.append(Request(context="ab", continuations=(" " + "long " * 12, " short")))
    return requests


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_do_not_depend_on_the_batch_size_or_on_the_order(
    make_scorer: MakeScorer, family: str
) -> None:
    requests = a_mix_of_requests()
    alone = make_scorer(family, batch_size=1).log_likelihoods(requests)
    for batch_size in (7, 64):
        shuffled = list(range(len(requests)))
        random.Random(batch_size).shuffle(shuffled)
        scorer = make_scorer(family, batch_size=batch_size)
        found = scorer.log_likelihoods([requests[i] for i in shuffled])
        for i, choices in zip(shuffled, found, strict=True):
            for one, other in zip(alone[i], choices, strict=True):
                assert abs(one.total - other.total) < 1e-5
                assert (one.greedy == other.greedy).all()
            totals = [[a.total for a in answers] for answers in (alone[i], choices)]
            assert np.argmax(totals[0]) == np.argmax(totals[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_few_large_shapes_of_a_gpu_give_the_same_scores(
    make_scorer: MakeScorer, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = a_mix_of_requests()
    passes: list[int] = []
    found: list[list[float]] = []
    for device in ("cpu", "cuda"):
        for table in (scoring.QUANTUM, scoring.POSITIONS_AT_ONCE):
            monkeypatch.setitem(table, "cpu", table[device])
        scorer = make_scorer(family, batch_size=64)
        read, count = scorer._read, []
        monkeypatch.setattr(scorer, "_read", lambda *a, r=read, c=count: (c.append(1), r(*a))[1])
        answers = scorer.log_likelihoods(requests)
        found.append([answer.total for choices in answers for answer in choices])
        passes.append(len(count))
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)
    assert passes[1] < passes[0] / 2


def kernels_round_rows_alike() -> bool:
    """Whether a row times a matrix has the same bits in every height that scoring uses."""
    x, w = torch.randn(256, 32), torch.randn(257, 32)
    whole = x @ w.T
    return all(torch.equal(x[:rows] @ w.T, whole[:rows]) for rows in range(16, 256, 16))


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_have_the_same_bits_for_any_batch_size_order_and_number_of_threads(
    make_scorer: MakeScorer, family: str
) -> None:
    if not kernels_round_rows_alike():
        pytest.skip("this machine's matrix kernels round by the height of the matrix")
    requests = a_mix_of_requests()
    alone = make_scorer(family, batch_size=1).log_likelihoods(requests)
    for threads, batch_size in itertools.product((1, 2), (1, 7, 64)):
        shuffled = list(range(len(requests)))
        random.Random(batch_size).shuffle(shuffled)
        torch.set_num_threads(threads)
        found = make_scorer(family, batch_size=batch_size).log_likelihoods(
            [requests[i] for i in shuffled]
        )
        assert torch.get_num_threads() == threads
        for i, choices in zip(shuffled, found, strict=True):
            for one, other in zip(alone[i], choices, strict=True):
                assert one.log_probs.tobytes() == other.log_probs.tobytes()
                assert one.greedy.tobytes() == other.greedy.tobytes()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_log_likelihood_is_the_sum_of_the_models_own_log_softmax(
    make_scorer: MakeScorer, family: str
) -> None:
    scorer = make_scorer(family)
    [[found]] = scorer.log_likelihoods([Request(context="ab", continuations=(" cde",))])
    ids = torch.tensor([list(b"ab cde")])
    with torch.no_grad():
        table = scorer.model(ids[:, :-1]).log_softmax(-1)[0]
    expected = [float(table[place, ids[0, place + 1]]) for place in range(1, 5)]
    np.testing.assert_allclose(found.log_probs, expected, atol=1e-5)
    assert found.total == pytest.approx(sum(expected), abs=1e-5)
    assert found.mean == pytest.approx(sum(expected) / 4, abs=1e-5)
    assert found.greedy.tolist() == [int(table[p].argmax()) == ids[0, p + 1] for p in range(1, 5)]


@pytest.mark.parametrize("family", FAMILIES)
def test_continuations_that_share_a_context_score_as_they_do_alone(
    make_scorer: MakeScorer, family: str
) -> None:
    scorer = make_scorer(family)
    texts = (" one", " t", " three3")
    [together] = scorer.log_likelihoods([Request(context="the ten", continuations=texts)])
    for text, shared in zip(texts, together, strict=True):
        [[alone]] = scorer.log_likelihoods([Request(context="the ten", continuations=(text,))])
        np.testing.assert_allclose(shared.log_probs, alone.log_probs, atol=1e-5)
        assert shared.tokens.tolist() == list(text.encode())


def test_trailing_spaces_of_the_context_belong_to_the_continuation(
    make_scorer: MakeScorer,
) -> None:
    scorer = make_scorer()
    [[moved]] = scorer.log_likelihoods([Request(context="ab ", continuations=("cd",))])
    [[plain]] = scorer.log_likelihoods([Request(context="ab", continuations=(" cd",))])
    assert moved.tokens.tolist() == plain.tokens.tolist() == list(b" cd")
    assert moved.total == plain.total


def test_an_empty_context_is_an_end_of_text_token(make_scorer: MakeScorer) -> None:
    scorer = make_scorer()
    [[found]] = scorer.log_likelihoods([Request(context="", continuations=("ab",))])
    with torch.no_grad():
        table = scorer.model(torch.tensor([[256, *b"a"]])).log_softmax(-1)[0]
    expected = [float(table[0, ord("a")]), float(table[1, ord("b")])]
    np.testing.assert_allclose(found.log_probs, expected, atol=1e-5)


def test_all_continuations_of_a_request_see_the_same_truncated_context(
    make_scorer: MakeScorer,
) -> None:
    scorer = make_scorer()
    context, longest = "0123456789abcdefghijklmnop", " longest"
    [[short, _]] = scorer.log_likelihoods([Request(context=context, continuations=(" s", longest))])
    kept = context[-(24 + 1 - len(longest)) :]
    [[expected]] = scorer.log_likelihoods([Request(context=kept, continuations=(" s",))])
    np.testing.assert_allclose(short.log_probs, expected.log_probs, atol=1e-5)


def test_a_continuation_longer_than_the_window_is_scored_token_by_token_to_its_end(
    make_scorer: MakeScorer,
) -> None:
    scorer = make_scorer()
    text = " " + "abcdefg " * 10
    [[found]] = scorer.log_likelihoods([Request(context="x", continuations=(text,))])
    assert found.tokens.tolist() == list(text.encode())
    assert len(found.log_probs) == len(found.greedy) == len(text)
    assert (found.log_probs < 0).all()


@pytest.mark.parametrize("stride", [None, 1, 5, 24])
def test_rolling_predicts_every_token_once_with_the_context_its_window_gives(
    make_scorer: MakeScorer, stride: int | None
) -> None:
    scorer = make_scorer(batch_size=3)
    tokens = np.random.default_rng(1).integers(0, 256, 61)
    found = scorer.rolling(tokens, stride=stride)
    assert found.tokens.tolist() == tokens.tolist()
    whole = [256, *tokens.tolist()]
    step, stop, expected = stride or 24, 25, []
    start = 1
    while start < len(whole):
        stop = min(start + (24 if start == 1 else step), len(whole))
        first = max(0, stop - 25)
        with torch.no_grad():
            table = scorer.model(torch.tensor([whole[first : stop - 1]])).log_softmax(-1)[0]
        expected += [float(table[i - first - 1, whole[i]]) for i in range(start, stop)]
        start = stop
    np.testing.assert_allclose(found.log_probs, expected, atol=1e-5)


def test_a_short_stride_gives_tokens_more_context_than_windows_side_by_side(
    make_scorer: MakeScorer,
) -> None:
    scorer = make_scorer()
    tokens = np.random.default_rng(1).integers(0, 256, 60)
    scorer.rolling(tokens)
    side_by_side = scorer.tokens
    scorer.rolling(tokens, stride=6)
    assert scorer.tokens - side_by_side > 2 * side_by_side


def test_a_continuation_without_tokens_is_refused_with_its_context(
    make_scorer: MakeScorer,
) -> None:
    with pytest.raises(CorpusError, match="at least one token each.*the context"):
        make_scorer().log_likelihoods([Request(context="the context", continuations=("",))])


def test_no_requests_give_no_answers(make_scorer: MakeScorer) -> None:
    assert make_scorer().log_likelihoods([]) == []


def test_generation_returns_one_continuation_per_prompt(make_scorer: MakeScorer) -> None:
    scorer = make_scorer(batch_size=2)
    prompts = ["ab", "cde", "f"]
    written = scorer.generate(prompts, max_new_tokens=5, top_k=2, seed=0)
    assert len(written) == 3
    assert written == scorer.generate(prompts, max_new_tokens=5, top_k=2, seed=0)
    assert scorer.tokens == 2 * (6 + 3 * 5)


def test_generation_does_not_depend_on_the_batch_size(make_scorer: MakeScorer) -> None:
    prompts = [f"a{i}" for i in range(40)]
    one, other = (
        make_scorer(batch_size=size).generate(prompts, max_new_tokens=2, top_k=2, seed=0)
        for size in (3, 64)
    )
    assert one == other


@pytest.mark.parametrize("family", FAMILIES)
def test_a_barred_token_leaves_the_race_for_the_first_token_alone(
    make_scorer: MakeScorer, family: str
) -> None:
    scorer = make_scorer(family)
    with torch.no_grad():
        ranked = scorer.model(torch.tensor([list(b"ab")]))[0, -1].argsort(descending=True).tolist()
    upper, lower = sorted(b"xy", key=ranked.index)
    above = tuple(ranked[: ranked.index(lower)])  # `upper` among them
    texts = (chr(lower) + "z", chr(upper) + "z")

    def ask(barred: tuple[int, ...], continuations: tuple[str, ...]) -> list[list[bool]]:
        [found] = scorer.log_likelihoods(
            [Request(context="ab", continuations=continuations, barred=barred)]
        )
        return [choice.greedy.tolist() for choice in found]

    plain, barred = ask((), texts), ask(above, texts)
    assert plain[0][0] is False
    assert [choice[0] for choice in barred] == [True, False]
    assert [choice[1:] for choice in plain] == [choice[1:] for choice in barred]
    assert ask(above, texts[:1]) == barred[:1]  # alone, by the other way through
