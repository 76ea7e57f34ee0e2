"""GPT-2's and GPT-1's published encoders against tiktoken, `tokenizers`, transformers and spaCy."""

import re
import unicodedata

import pytest
import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tiktoken_ext.openai_public import r50k_pat_str
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import OpenAIGPTTokenizer

from gptpath.tokens.bpe import END_OF_TEXT, train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.published import gpt1_tables, gpt2_ranks, write_gpt1_tokenizer
from tests.parity.byte_level import hugging_face
from tests.parity.shared_texts import GPT1_FILES, GPT2_FILES, odd_passages

pytestmark = pytest.mark.skipif(
    not (GPT1_FILES.is_dir() and GPT2_FILES.is_dir()), reason="the shared data is not here"
)


@pytest.fixture(scope="module")
def passages() -> dict[str, str]:
    found = odd_passages()
    assert len(found) > 50
    return found


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2")
    write_tokenizer(folder, gpt2_ranks(GPT2_FILES), name="gpt2")
    return load_encoding(folder)


@pytest.fixture(scope="module")
def tiktokens_gpt2():
    """As tiktoken builds it from the downloaded files, with its own pattern."""
    environment = pytest.MonkeyPatch()
    with environment.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", "")
        ranks = data_gym_to_mergeable_bpe_ranks(
            str(GPT2_FILES / "vocab.bpe"), str(GPT2_FILES / "encoder.json")
        )
    return tiktoken.Encoding(
        "gpt2",
        pat_str=r50k_pat_str,
        mergeable_ranks=ranks,
        special_tokens={END_OF_TEXT: 50256},
        explicit_n_vocab=50257,
    )


def gpt1(tmp_path, words: str):
    write_gpt1_tokenizer(tmp_path, GPT1_FILES, words=words)
    return load_encoding(tmp_path)


def test_gpt2_has_the_published_layout(gpt2):
    assert gpt2.n_vocab == 50257
    assert gpt2.eot_token == 50256
    assert gpt2.encode_ordinary("hello world") == [31373, 995]
    assert gpt2.decode_single_token_bytes(0) == b"!"
    assert gpt2.decode_single_token_bytes(220) == b" "


def test_gpt2_ids_are_those_of_tiktoken_and_of_tokenizers_on_every_odd_file(
    gpt2, tiktokens_gpt2, passages
):
    other = hugging_face(gpt2_ranks(GPT2_FILES))
    for name, text in passages.items():
        ids = gpt2.encode_ordinary(text)
        assert ids == tiktokens_gpt2.encode_ordinary(text), name
        assert ids == other.encode(text).ids, name
        assert ids == gpt2.encode_to_numpy(text, disallowed_special=()).tolist()
        assert gpt2.decode(ids) == text, name


def test_trained_ids_are_those_of_tokenizers_on_every_odd_file(passages, tmp_path):
    ranks = train_ranks(list(passages.values()), vocab_size=2048)
    write_tokenizer(tmp_path, ranks, name="odd")
    ours, other = load_encoding(tmp_path), hugging_face(ranks)
    for name, text in passages.items():
        ids = ours.encode_ordinary(text)
        assert ids == other.encode(text).ids, name
        assert ours.decode(ids) == text, name


def transformers_gpt1() -> Tokenizer:
    """What transformers' OpenAIGPTTokenizer runs, but `<unk>` in a text is only text."""
    merges, encoder = gpt1_tables(GPT1_FILES)
    tokenizer = Tokenizer(
        models.BPE(vocab=encoder, merges=merges, end_of_word_suffix="</w>", unk_token="<unk>")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def test_gpt1_basic_ids_are_those_of_transformers_on_every_odd_file(passages, tmp_path):
    ours = gpt1(tmp_path, "basic")
    assert (ours.n_vocab, ours.eot_token) == (40478, 40477)
    merges, encoder = gpt1_tables(GPT1_FILES)
    theirs, bare = OpenAIGPTTokenizer(vocab=encoder, merges=merges), transformers_gpt1()
    for name, text in passages.items():
        ids = ours.encode_ordinary(text)
        assert ids == bare.encode(text).ids, name
        if "<unk>" not in text:
            assert ids == theirs.encode(text, add_special_tokens=False), name


def test_gpt1_basic_ids_are_those_of_transformers_for_every_old_character(tmp_path):
    """Characters that Unicode 3.2 knew as it does today: their library has older tables."""
    ours, theirs = gpt1(tmp_path, "basic"), transformers_gpt1()
    old, category = unicodedata.ucd_3_2_0.category, unicodedata.category
    characters = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    characters = [c for c in characters if old(c) == category(c) != "Cn"]
    texts = [f"a{c}b" for c in characters]
    assert len(texts) > 50_000
    found = theirs.encode_batch(texts)
    assert [t for t, f in zip(texts, found, strict=True) if ours.encode_ordinary(t) != f.ids] == []


def published_words(text: str) -> list[str]:
    """GPT-1's words as its released code describes them, mark by mark instead of by pattern."""
    ftfy, spacy = pytest.importorskip("ftfy"), pytest.importorskip("spacy")
    text = ftfy.fix_text(text)
    for dash in "—–―":
        text = text.replace(dash, "-")
    text = text.replace("…", "...").replace("´", "'")
    runs = re.findall(r"((.)\2*)", text, re.DOTALL)
    text = "".join(f" {run} " if mark in '-~!";?+,)(/*[]}{|_' else run for run, mark in runs)
    lines = [" ".join(line.split()) for line in text.strip().split("\n")]
    text = " \n ".join(line for line in lines if line)
    words = [word.text.lower() for word in spacy.blank("en")(text)]
    return ["\n" if word.strip() == "" else word for word in words]


def test_gpt1_ids_are_those_of_the_released_encoder_on_every_odd_file(passages, tmp_path):
    pytest.importorskip("spacy")
    ours = gpt1(tmp_path, "spacy")
    merges, encoder = gpt1_tables(GPT1_FILES)
    theirs = models.BPE(vocab=encoder, merges=merges, end_of_word_suffix="</w>", unk_token="<unk>")
    for name, passage in passages.items():
        text = passage[:10_000]
        expected: list[int] = []
        for word in published_words(text):
            newline = word == "\n"
            expected += [40477] if newline else [token.id for token in theirs.tokenize(word)]
        assert ours.encode_ordinary(text) == expected, name
