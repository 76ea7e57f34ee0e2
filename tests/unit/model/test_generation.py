from dataclasses import replace

import pytest
import tiktoken
import torch

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s, lstm_laptop
from gptpath.errors import ConfigError
from gptpath.model.build import build_model
from gptpath.model.cache import LSTMState
from gptpath.model.generation import generate, generate_samples
from gptpath.model.sampling import Sampling

CONFIGS = {"gpt1": gpt1_laptop(), "gpt2": gpt2_laptop_s(), "lstm": lstm_laptop()}
PROMPTS = ["The model", "A", "", "A much longer prompt than the others"]


@pytest.fixture(scope="module")
def encoding():
    return tiktoken.Encoding(
        name="bytes",
        pat_str=r"[\s\S]",
        mergeable_ranks={bytes([i]): i for i in range(256)},
        special_tokens={"<|endoftext|>": 256},
    )


@pytest.fixture(params=CONFIGS)
def model(request):
    """Random weights, large enough for choices to differ; ASCII letters alone are likely."""
    config = replace(CONFIGS[request.param], vocab_size=257, context_length=48, init_std=0.3)
    model = build_model(config, seed=0).eval()
    with torch.no_grad():
        scale = torch.full((257, 1), 1e-3)
        scale[97:123] = 1.0
        model.wte.weight *= scale
    return model


@torch.no_grad()
def slow_greedy(model, encoding, prompt, count):
    """The definition: one sequence at a time, everything read anew for every token."""
    tokens = encoding.encode_ordinary(prompt) or [encoding.eot_token]
    start = len(tokens)
    for _ in range(count):
        is_lstm = model.config.family == "lstm"
        window = tokens if is_lstm else tokens[-model.config.context_length :]
        token = model(torch.tensor([window]))[0, -1].argmax().item()
        if token == encoding.eot_token:
            break
        tokens.append(token)
    return encoding.decode(tokens[start:])


@pytest.mark.parametrize("count", [0, 1, 10, 60])
def test_greedy_equals_reading_everything_anew_for_each_token(model, encoding, count):
    texts = generate(model, encoding, PROMPTS, max_new_tokens=count, temperature=0)
    assert texts == [slow_greedy(model, encoding, prompt, count) for prompt in PROMPTS]


def test_a_prompt_longer_than_the_context_is_continued(model, encoding):
    prompt = "abcdefgh" * 9
    (text,) = generate(model, encoding, [prompt], max_new_tokens=5, temperature=0)
    assert text == slow_greedy(model, encoding, prompt, 5)


def test_the_same_seed_gives_the_same_text_and_another_seed_another(model, encoding):
    first, same, other = (
        generate(model, encoding, PROMPTS, max_new_tokens=20, seed=seed) for seed in (1, 1, 2)
    )
    assert first == same
    assert first != other


def test_a_sample_does_not_depend_on_the_other_prompts_or_its_place(model, encoding):
    together = generate(model, encoding, PROMPTS, max_new_tokens=20, seed=3)
    alone = [generate(model, encoding, [p], max_new_tokens=20, seed=3)[0] for p in PROMPTS]
    turned = generate(model, encoding, PROMPTS[::-1], max_new_tokens=20, seed=3)
    assert together == alone == turned[::-1]


def test_several_samples_of_a_prompt_differ_and_do_not_depend_on_their_number(model, encoding):
    def samples(count, prompts=PROMPTS, new=20):
        return generate_samples(
            model, encoding, prompts, max_new_tokens=new, sampling=Sampling(), samples=count, seed=3
        )

    four = samples(4)
    assert [len(set(texts)) for texts in four] == [4, 4, 4, 4]
    assert [texts[:1] for texts in four] == samples(1)
    assert four[3:] == samples(4, prompts=PROMPTS[3:])
    shorter = samples(4, new=7)
    assert all(
        long.startswith(short.rstrip("\ufffd"))  # half a letter
        for texts, shorts in zip(four, shorter, strict=True)
        for long, short in zip(texts, shorts, strict=True)
    )


def test_samples_of_a_prompt_longer_than_the_context_are_those_of_its_end(model, encoding):
    prompt = "abcdefgh" * 9
    (texts,) = generate_samples(
        model, encoding, [prompt], max_new_tokens=5, sampling=Sampling(temperature=0), samples=3
    )
    assert texts == [slow_greedy(model, encoding, prompt, 5)] * 3


def test_sampling_the_best_token_alone_is_greedy(model, encoding):
    sampled = generate(model, encoding, PROMPTS, max_new_tokens=20, top_k=1)
    assert sampled == generate(model, encoding, PROMPTS, max_new_tokens=20, temperature=0)


def test_a_tiny_temperature_is_greedy(model, encoding):
    sampled = generate(model, encoding, PROMPTS, max_new_tokens=20, temperature=1e-6)
    assert sampled == generate(model, encoding, PROMPTS, max_new_tokens=20, temperature=0)


def test_samples_follow_the_models_distribution(encoding):
    model = build_model(replace(gpt2_laptop_s(), vocab_size=257, context_length=8), seed=0).eval()
    with torch.no_grad():
        model.wte.weight[97:100] *= 60
        probabilities = model(torch.tensor([[65]]))[0, -1].softmax(0)
        best = probabilities.topk(3)
    (texts,) = generate_samples(
        model, encoding, ["A"], max_new_tokens=1, sampling=Sampling(top_k=3), samples=4000
    )
    for token, expected in zip(best.indices, best.values / best.values.sum(), strict=True):
        share = texts.count(encoding.decode([int(token)])) / 4000
        assert share == pytest.approx(expected.item(), abs=0.03)


def test_text_ends_before_the_first_stop_string(model, encoding):
    (whole,) = generate(model, encoding, ["The model"], max_new_tokens=30, temperature=0)
    marks = [whole[12:14], whole[5:8]]
    (text,) = generate(model, encoding, ["The model"], max_new_tokens=30, temperature=0, stop=marks)
    assert text == whole[: min(whole.index(mark) for mark in marks)]


def test_a_stop_string_is_found_across_tokens_and_ends_the_work(model, encoding, monkeypatch):
    (whole,) = generate(model, encoding, ["The model"], max_new_tokens=40, temperature=0)
    mark = whole[5:9]  # four tokens: every letter is one
    read = []
    hidden = type(model).hidden
    monkeypatch.setattr(
        type(model), "hidden", lambda self, *given: read.append(given) or hidden(self, *given)
    )
    (text,) = generate(
        model, encoding, ["The model"], max_new_tokens=40, temperature=0, stop=[mark]
    )
    assert text == whole[: whole.index(mark)]
    assert len(read) == whole.index(mark) + 4


class Speaker:
    """A model by table: after each token its successor, whatever stood before."""

    config = replace(gpt2_laptop_s(), vocab_size=257, context_length=16)

    def __init__(self, successors):
        self.successors = successors

    def parameters(self):
        return [torch.zeros(1)]

    def new_cache(self, batch_size):
        return LSTMState()

    def hidden(self, tokens, cache=None):
        return tokens[..., None].float()

    def logits(self, x):
        following = [self.successors.get(int(token), 256) for token in x[:, 0]]
        return torch.nn.functional.one_hot(torch.tensor(following), 257).float()


def test_stop_strings_are_matched_in_letters_that_several_tokens_make(encoding):
    first, second = "é".encode()
    speaker = Speaker({first: second, second: first})
    for stop, expected in {(): "éééé", ("éé",): "", ("x", "z"): "éééé"}.items():
        texts = generate(speaker, encoding, ["aé"], max_new_tokens=8, temperature=0, stop=stop)
        assert texts == [expected]


def test_rows_of_a_batch_end_each_at_its_own_place(encoding):
    speaker = Speaker({ord("a") + i: ord("b") + i for i in range(20)})
    prompts = ["a", "aaaa", "s", "rst", "z"]
    texts = generate(speaker, encoding, prompts, max_new_tokens=8, temperature=0, stop=["h"])
    assert texts == ["bcdefg", "bcdefg", "tu", "u", ""]


def test_text_ends_at_end_of_text(model, encoding):
    with torch.no_grad():  # end of text becomes the twin of the likeliest letter, and wins ties
        (whole,) = generate(model, encoding, ["The model"], max_new_tokens=6, temperature=0)
        model.wte.weight[256] = 1.5 * model.wte.weight[ord(whole[3])]
    (text,) = generate(model, encoding, ["The model"], max_new_tokens=6, temperature=0)
    assert whole.startswith(text)
    assert len(text) <= 3
    assert "endoftext" not in text


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"temperature": -1}, "temperature=-1 must be 0"),
        ({"temperature": float("nan")}, "temperature=nan"),
        ({"top_k": 0}, "top_k=0 must be at least 1"),
        ({"top_p": 0.0}, r"top_p=0\.0 must lie above 0"),
        ({"top_p": 1.5}, r"top_p=1\.5"),
        ({"max_new_tokens": -1}, "max_new_tokens=-1"),
        ({"stop": "end"}, "must be a list of strings"),
        ({"stop": [".", ""]}, "none of them empty"),
    ],
)
def test_impossible_settings_are_refused(encoding, setting, message):
    model = build_model(replace(gpt2_laptop_s(), vocab_size=257), seed=0)
    with pytest.raises(ConfigError, match=message):
        generate(model, encoding, ["A"], **({"max_new_tokens": 3} | setting))


def test_no_prompts_give_no_texts(model, encoding):
    assert generate(model, encoding, [], max_new_tokens=5) == []
