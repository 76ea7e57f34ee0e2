"""Folders that transformers has written, imported: the same logits, texts and ids."""

import pytest
import torch
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Tokenizer,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
)

from gptpath.exchange.byte_level import tokenizer_json
from gptpath.exchange.importing import import_model
from gptpath.model.folder import load_model
from gptpath.model.generation import generate
from gptpath.tokens.bpe import train_ranks
from gptpath.tokens.encoding import load_encoding

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

TEXTS = ["The model returns an array. It's new: naïve café — 12345\n\n  and so on."] * 8
SHAPE = {"vocab_size": 300, "n_positions": 48, "n_embd": 64, "n_layer": 3, "n_head": 4}
SPECIAL = {"bos_token_id": 299, "eos_token_id": 299, "pad_token_id": 299}
KINDS = {
    "gpt2": (GPT2LMHeadModel, GPT2Config),
    "gpt1": (OpenAIGPTLMHeadModel, OpenAIGPTConfig),
}


@pytest.fixture(params=KINDS)
def theirs(request):
    model_class, config_class = KINDS[request.param]
    torch.manual_seed(1)
    model = model_class(config_class(**SHAPE, **SPECIAL, initializer_range=0.1))
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


@pytest.fixture
def tokenizer():
    model = tokenizer_json(train_ranks(TEXTS, vocab_size=300))["model"]
    return GPT2Tokenizer(vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]])


@pytest.mark.parametrize("shard", ["1GB", "50kB"])
def test_a_saved_model_is_imported_whole(theirs, tokenizer, tmp_path, shard):
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size=shard)
    tokenizer.save_pretrained(tmp_path / "theirs")
    assert (tmp_path / "theirs" / "model.safetensors").exists() == (shard == "1GB")
    import_model(str(tmp_path / "theirs"), tmp_path / "ours")
    ours, encoding = load_model(tmp_path / "ours"), load_encoding(tmp_path / "ours" / "tokenizer")
    tokens = torch.randint(0, 300, (3, 48), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=1e-5, rtol=0)
    for text in (TEXTS[0], "  odd \x00 text 漢字\n"):
        ids = AutoTokenizer.from_pretrained(tmp_path / "theirs")(text)["input_ids"]
        assert encoding.encode_ordinary(text) == ids
    inputs = tokenizer("The model", return_tensors="pt")
    out = theirs.generate(**inputs, max_new_tokens=20, do_sample=False)[0]
    text = tokenizer.decode(out[inputs["input_ids"].size(1) :], skip_special_tokens=True)
    assert generate(ours, encoding, ["The model"], max_new_tokens=20, temperature=0) == [text]
