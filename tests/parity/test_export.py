"""Exported folders in transformers' hands: same ids, logits and texts; and the way back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s
from gptpath.exchange.exporting import export_model
from gptpath.exchange.importing import import_model
from gptpath.model.build import build_model
from gptpath.model.folder import load_config, load_model, save_checkpoint, save_model
from gptpath.model.generation import generate
from gptpath.tokens.bpe import END_OF_TEXT, train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.published import gpt2_ranks, write_gpt1_tokenizer
from tests.parity.shared_texts import GPT1_FILES, GPT2_FILES, odd_passages

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

ODD = [
    "",
    " ",
    "Plain words, with a comma; and a full stop.",
    "  two blanks,\ttab\n\n\nnew lines \r\n",
    "it's we'll they'VE I'D o'clock",
    "naïve café — déjà vu… 12345 ½ Ⅷ 漢字 עברית हिन्दी",
    "👩‍👩‍👧 🇫🇷 e\u0301 \u200b \ufeff \x00\x01\x7f",
    "print(f'{x:>10}')  # ~~~ === <|endoftex|> </w> <unk>",
    "a" * 300 + "é" * 100,
]
LEARNED_FROM = [*ODD, "The model returns an array. The array is new. A new model returns it."] * 8

CONFIGS = {
    "gpt2": replace(gpt2_laptop_s(), context_length=64, init_std=0.1),
    "gpt1": replace(gpt1_laptop(), context_length=64, init_std=0.1),
}


def make_model(folder: Path, config, tokenizer: Path, step: int = 7) -> Path:
    """A model folder with random weights, biases and gains too."""
    vocabulary = load_encoding(tokenizer).n_vocab
    model = build_model(replace(config, vocab_size=vocabulary), seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())
            )
    save_model(folder, model, step=step, tokenizer_folder=tokenizer)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    write_tokenizer(folder, train_ranks(LEARNED_FROM, vocab_size=400), name="gptpath-400")
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Tokenizer folders of the published encoders."""
    if not (GPT1_FILES.is_dir() and GPT2_FILES.is_dir()):
        pytest.skip("the shared data is not here")
    root = tmp_path_factory.mktemp("published")
    write_tokenizer(root / "gpt2", gpt2_ranks(GPT2_FILES), name="gpt2")
    write_gpt1_tokenizer(root / "gpt1", GPT1_FILES, words="basic")
    return root


@pytest.fixture(scope="module")
def exported(tmp_path_factory, trained) -> dict[str, tuple[Path, Path]]:
    """By architecture: our folder, and its export."""
    root = tmp_path_factory.mktemp("exported")
    made = {}
    for name, config in CONFIGS.items():
        ours = make_model(root / f"{name}-ours", config, trained)
        export_model(ours, root / name)
        made[name] = (ours, root / name)
    return made


def theirs(folder: Path):
    model, information = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, output_loading_info=True
    )
    assert not any(information.values()), information
    return model.eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True)


def check_ids(encoding, tokenizer, texts) -> None:
    for text in texts:
        ids = encoding.encode_ordinary(text)
        assert tokenizer(text)["input_ids"] == ids, text
        assert tokenizer.decode(ids) == encoding.decode(ids), text


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_of_an_export_equal_ours(exported, name):
    folder, export = exported[name]
    ours, (model, _) = load_model(folder), theirs(export)
    assert type(model).__name__ == {"gpt2": "GPT2LMHeadModel"}.get(name, "OpenAIGPTLMHeadModel")
    tokens = torch.randint(0, 400, (3, 64), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), model(tokens).logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", CONFIGS)
def test_text_in_equals_text_out(exported, name):
    folder, export = exported[name]
    model, tokenizer = theirs(export)
    encoding = load_encoding(folder / "tokenizer")
    for prompt in ("The model", "  new lines \n", "naïve"):
        expected = generate(
            load_model(folder), encoding, [prompt], max_new_tokens=20, temperature=0
        )
        inputs = tokenizer(prompt, return_tensors="pt")
        out = model.generate(**inputs, max_new_tokens=20, do_sample=False)[0]
        kept = out[inputs["input_ids"].size(1) :]
        assert [tokenizer.decode(kept, skip_special_tokens=True)] == expected


def test_prompts_of_different_lengths_in_one_batch_of_transformers(exported):
    folder, export = exported["gpt2"]
    model, tokenizer = theirs(export)
    prompts = ["The model returns an array", "A", "new lines"]
    inputs = tokenizer(prompts, return_tensors="pt", padding=True)
    out = model.generate(**inputs, max_new_tokens=12, do_sample=False)
    texts = tokenizer.batch_decode(out[:, inputs["input_ids"].size(1) :], skip_special_tokens=True)
    encoding = load_encoding(folder / "tokenizer")
    assert texts == generate(
        load_model(folder), encoding, prompts, max_new_tokens=12, temperature=0
    )


def test_ids_of_odd_texts_equal_ours(exported):
    folder, export = exported["gpt2"]
    check_ids(load_encoding(folder / "tokenizer"), theirs(export)[1], ODD)


def test_end_of_text_is_one_special_token_in_transformers(exported):
    _, tokenizer = theirs(exported["gpt2"][1])
    assert tokenizer(f"a{END_OF_TEXT}b")["input_ids"][1:-1] == [399]
    assert tokenizer.eos_token_id == tokenizer.bos_token_id == 399


def test_vocabularies_learned_from_any_text_keep_their_ids(tmp_path_factory):
    @settings(max_examples=25, deadline=None)
    @given(
        texts=st.lists(st.text(alphabet="ab é'\n", min_size=20, max_size=200), min_size=3),
        new=st.text(alphabet="abc é'\n", max_size=80),
        merges=st.integers(0, 40),
    )
    def check(texts: list[str], new: str, merges: int) -> None:
        from tokenizers import Tokenizer

        from gptpath.errors import TokenError
        from gptpath.exchange.byte_level import tokenizer_json

        try:
            ranks = train_ranks(texts, vocab_size=257 + merges)
        except TokenError:  # too little text for so many merges
            return
        folder = tmp_path_factory.mktemp("learned")
        write_tokenizer(folder, ranks, name="learned")
        tokenizer = Tokenizer.from_str(json.dumps(tokenizer_json(ranks)))
        encoding = load_encoding(folder)
        for text in (new, *texts):
            assert tokenizer.encode(text).ids == encoding.encode_ordinary(text), text

    check()


@pytest.mark.parametrize("name", CONFIGS)
def test_the_way_back_gives_identical_files(exported, tmp_path, name):
    folder, export = exported[name]
    import_model(str(export), tmp_path / "back")
    for file in ("model.safetensors", "tokenizer/tokenizer.tiktoken"):
        assert (tmp_path / "back" / file).read_bytes() == (folder / file).read_bytes()
    assert load_config(tmp_path / "back") == load_config(folder)
    values = json.loads((tmp_path / "back" / "config.json").read_text())
    assert values["step"] == 7
    assert values["source"] == str(export)


def test_a_published_checkpoint_is_exported_by_its_step(tmp_path, trained):
    folder = make_model(tmp_path / "ours", CONFIGS["gpt2"], trained)
    early = build_model(load_config(folder), seed=9)
    save_checkpoint(folder, early, step=2)
    export_model(folder, tmp_path / "export", step=2)
    model, _ = theirs(tmp_path / "export")
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        torch.testing.assert_close(early.eval()(tokens), model(tokens).logits, atol=1e-5, rtol=0)
    assert "after 2 optimiser steps" in (tmp_path / "export" / "README.md").read_text()


@pytest.mark.slow
def test_gpt2s_own_encoder_is_exported_with_its_merges(tmp_path, published):
    folder = make_model(tmp_path / "ours", CONFIGS["gpt2"], published / "gpt2")
    export_model(folder, tmp_path / "export")
    lines = (GPT2_FILES / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:-1]
    written = json.loads((tmp_path / "export" / "tokenizer.json").read_text(encoding="utf-8"))
    assert [" ".join(pair) for pair in written["model"]["merges"]] == lines
    encoder = json.loads((GPT2_FILES / "encoder.json").read_text(encoding="utf-8"))
    assert written["model"]["vocab"] == encoder
    passages = [*odd_passages().values(), *ODD]
    check_ids(load_encoding(folder / "tokenizer"), theirs(tmp_path / "export")[1], passages)


@pytest.mark.slow
def test_gpt1s_own_encoder_in_transformers_way_of_words(tmp_path, published):
    folder = make_model(tmp_path / "ours", CONFIGS["gpt1"], published / "gpt1")
    export_model(folder, tmp_path / "export")
    model, tokenizer = theirs(tmp_path / "export")
    encoding = load_encoding(folder / "tokenizer")
    check_ids(encoding, tokenizer, ["New lines \n are lost", *ODD[:-1], *odd_passages().values()])
    newline = encoding.eot_token
    some = [*encoding.encode_ordinary("some words"), newline, *encoding.encode_ordinary("more")]
    assert tokenizer.decode(some) == encoding.decode(some) == "some words \nmore"
    expected = generate(load_model(folder), encoding, ["the"], max_new_tokens=20, temperature=0)
    out = model.generate(**tokenizer("the", return_tensors="pt"), max_new_tokens=20)[0, 1:]
    assert [encoding.decode([t for t in out.tolist() if t != newline])] == expected
    import_model(str(tmp_path / "export"), tmp_path / "back")
    for file in ("model.safetensors", "tokenizer/tokenizer.json", "tokenizer/vocab_40000.bpe"):
        assert (tmp_path / "back" / file).read_bytes() == (folder / file).read_bytes()
