import math
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.model.generation import generate_samples
from gptpath.model.sampling import Sampling
from gptpath.play.continuing import continue_prompt
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.zeroshot.likelihood import Likelihood
from gptpath.zeroshot.scoring import Scorer

CONFIG = ModelConfig(norm="pre", n_layer=1, n_head=1, n_embd=16, context_length=16, vocab_size=257)


@pytest.fixture
def encoding(tmp_path: Path):
    write_tokenizer(tmp_path, [bytes([n]) for n in range(256)], name="bytes")
    return load_encoding(tmp_path)


@pytest.fixture
def model():
    return build_model(CONFIG, seed=0).eval()


def test_samples_are_those_of_the_generator_and_their_pieces_make_them_up(model, encoding) -> None:
    sampling = Sampling(temperature=0.9, top_k=50)
    found = continue_prompt(
        model, encoding, "An é", sampling=sampling, samples=3, max_new_tokens=24, seed=4
    )
    [expected] = generate_samples(
        model, encoding, ["An é"], sampling=sampling, samples=3, max_new_tokens=24, seed=4
    )
    assert [one.text for one in found] == expected
    for one in found:
        assert "".join(text for text, _ in one.pieces) == one.text
        assert one.tokens == len(encoding.encode_ordinary(one.text))
        assert all(log_prob < 0 for _, log_prob in one.pieces)


def test_a_tokens_log_probability_is_the_models_own(model, encoding) -> None:
    greedy, compared = Sampling(temperature=0.0), 0
    for prompt in "abcdefghijklmnopqrstuvwxyz":
        [one] = continue_prompt(
            model, encoding, prompt, sampling=greedy, samples=1, max_new_tokens=1, seed=0
        )
        if one.tokens == 1:  # a byte above 127 is told as a replacement character of three
            tokens_BT = torch.tensor([encoding.encode_ordinary(prompt)])
            logits_V = model.logits(model.hidden(tokens_BT))[0, -1]
            [(_, log_prob)] = one.pieces
            assert math.isclose(log_prob, logits_V.log_softmax(0).max().item(), abs_tol=1e-4)
            assert one.mean_log_prob == log_prob
            compared += 1
    assert compared


def test_a_text_that_ends_at_once_has_no_pieces(model, encoding) -> None:
    [one] = continue_prompt(
        model, encoding, "abc", sampling=Sampling(), samples=1, max_new_tokens=0, seed=0
    )
    assert (one.text, one.tokens, one.pieces, one.mean_log_prob) == ("", 0, (), None)


@pytest.mark.parametrize("prompt", ["A: ", "A:\n\n", "\u3000\n"])
def test_blanks_at_the_prompts_end_are_no_part_of_the_samples(model, encoding, prompt) -> None:
    found = continue_prompt(
        model, encoding, prompt, sampling=Sampling(), samples=3, max_new_tokens=5, seed=1
    )
    for one in found:
        assert "".join(text for text, _ in one.pieces) == one.text
        assert one.tokens == len(encoding.encode_ordinary(one.text))


def test_a_token_that_holds_a_blank_of_the_prompt_is_told_without_it(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, [*(bytes([n]) for n in range(256)), b" a"], name="pairs")
    encoding, model = load_encoding(tmp_path), build_model(replace(CONFIG, vocab_size=258), seed=0)
    scored = Likelihood(
        tokens=np.array([256, ord("b")]),
        log_probs=np.array([-1.0, -2.0]),
        greedy=np.array([False, False]),
    )
    with (
        mock.patch.object(Scorer, "log_likelihoods", return_value=[[scored]]),
        mock.patch("gptpath.play.continuing.generate_samples", return_value=[["ab"]]),
    ):
        [one] = continue_prompt(
            model, encoding, "x ", sampling=Sampling(), samples=1, max_new_tokens=2, seed=0
        )
    assert (one.tokens, one.pieces) == (2, (("a", -1.0), ("b", -2.0)))
