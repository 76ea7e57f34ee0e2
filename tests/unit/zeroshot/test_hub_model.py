from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedTokenizerFast,
)

from gptpath.errors import CheckpointError
from gptpath.tokens.published import byte_letters
from gptpath.zeroshot.hub_model import HubEncoding, HubModel, hub_scorer, load_hub_scorer
from gptpath.zeroshot.likelihood import Request

CONTEXT = 48
SIZE: dict[str, Any] = {
    "vocab_size": 257,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,
    "bos_token_id": 256,
    "eos_token_id": 256,
    "pad_token_id": 256,
}
GPT: dict[str, Any] = {
    "vocab_size": 257,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": CONTEXT,
    "initializer_range": 0.3,
    "bos_token_id": 256,
    "eos_token_id": 256,
}
MODELS = {
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(**GPT)),
    "openai-gpt": lambda: OpenAIGPTLMHeadModel(OpenAIGPTConfig(**GPT)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=1)),
    "opt": lambda: OPTForCausalLM(
        OPTConfig(**SIZE, ffn_dim=64, word_embed_proj_dim=16, init_std=0.3)
    ),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**SIZE, num_key_value_heads=1, head_dim=16)),
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    letters = byte_letters()
    raw = Tokenizer(models.BPE(vocab={letters[b]: b for b in range(256)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )


def build(name: str) -> Any:
    torch.manual_seed(0)
    return MODELS[name]().eval()


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_the_models_own_whatever_is_shared(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = build(name)
    contexts = ["a context of some length, ", "a context of some length; ", "short"]
    requests = [
        Request(context=context, continuations=("one", "two", "threes")) for context in contexts
    ]
    found = hub_scorer(model, tokenizer, batch_size=4).log_likelihoods(requests)
    for request, answers in zip(requests, found, strict=True):
        for text, answer in zip(request.continuations, answers, strict=True):
            ids = list((request.context + text).encode())
            with torch.no_grad():
                table = model(torch.tensor([ids[:-1]])).logits[0].log_softmax(-1)
            count = len(answer.tokens)
            expected = [float(table[n - 1, ids[n]]) for n in range(len(ids) - count, len(ids))]
            np.testing.assert_allclose(answer.log_probs, expected, atol=1e-4)
            assert answer.tokens.tolist() == ids[-count:]


def test_what_a_model_can_do_is_found_out() -> None:
    able = {name: HubModel(build(name)) for name in MODELS}
    assert {name for name, model in able.items() if model.head is None} == {"gemma2"}
    assert {name for name, model in able.items() if not model.keeps_past} == {"openai-gpt"}
    assert {model.config.context_length for model in able.values()} == {CONTEXT}


def test_a_context_is_read_once_where_the_model_has_a_cache(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    request = Request(context="x" * 33, continuations=tuple(f" {c}" for c in "abcdefgh"))
    cached, whole = (hub_scorer(build(n), tokenizer, batch_size=8) for n in ("gpt2", "openai-gpt"))
    cached.log_likelihoods([request])
    whole.log_likelihoods([request])
    assert cached.tokens == 32 + 8 * 4
    assert whole.tokens == 8 * 36


def test_rolling_and_generation_work_as_with_our_own_models(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    model = build("gpt2")
    scorer = hub_scorer(model, tokenizer, batch_size=4)
    tokens = np.random.default_rng(0).integers(0, 256, 60)
    with torch.no_grad():
        whole = torch.tensor([[256, *tokens.tolist()]])
        table = model(whole[:, :CONTEXT]).logits[0].log_softmax(-1)
    expected = [float(table[n, whole[0, n + 1]]) for n in range(CONTEXT)]
    np.testing.assert_allclose(scorer.rolling(tokens).log_probs[:CONTEXT], expected, atol=1e-4)
    [text] = scorer.generate(["ab"], max_new_tokens=4, top_k=1, seed=0)
    with torch.no_grad():
        ids = model.generate(torch.tensor([[*b"ab"]]), max_new_tokens=4, do_sample=False)
    assert text == bytes(ids[0, 2:].tolist()).decode("utf-8", "replace")


def test_an_encoding_spells_tokens_and_reads_any_text(tokenizer: PreTrainedTokenizerFast) -> None:
    encoding = HubEncoding(tokenizer)
    assert (encoding.n_vocab, encoding.eot_token, encoding.start) == (257, 256, ())
    ids = encoding.encode_ordinary("é 日\ud83d")
    assert b"".join(map(encoding.decode_single_token_bytes, ids)) == "é 日\ufffd".encode()
    assert encoding.decode(ids) == "é 日\ufffd"
    assert encoding.encode_to_numpy("ab").tolist() == list(b"ab")
    assert encoding.encode_ordinary_batch(["a", ""]) == [[97], []]


def test_a_folder_that_transformers_cannot_load_is_named(tmp_path: Any) -> None:
    with pytest.raises(CheckpointError, match="transformers cannot load"):
        load_hub_scorer(str(tmp_path), batch_size=1)


def test_a_saved_model_is_loaded_with_its_tokenizer(
    tmp_path: Any, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = build("gpt2")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    request = Request(context="ab", continuations=(" c",))
    [[loaded]] = load_hub_scorer(str(tmp_path), batch_size=1).log_likelihoods([request])
    [[given]] = hub_scorer(model, tokenizer, batch_size=1).log_likelihoods([request])
    assert loaded.total == given.total
