"""Our trained ranks give the same ids in tiktoken and in Hugging Face's `tokenizers`."""

import pytest

from gptpath.config.ingest import InstalledDocs
from gptpath.text.documents import Document
from gptpath.text.sources.installed_docs import PYTHON, InstalledDocsSource
from gptpath.tokens.bpe import train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding
from tests.parity.byte_level import hugging_face

ODD = [
    "naïve café — déjà vu 🙂 漢字かな",
    "tabs\tand   spaces \n\n  and lines\r\n",
    "don't we'll I've x1y2 __dunder__ 3.14159",
    "\u00a0no-break\u200bzero  \x00 end ",
    "",
]


@pytest.fixture(scope="module")
def real_texts() -> list[str]:
    source = InstalledDocsSource(settings=InstalledDocs(packages=(PYTHON,), min_chars=100))
    found = source.read(source.units()[0])
    return [document.text for document in found if isinstance(document, Document)]


def test_both_libraries_give_the_same_ids_and_the_text_back(real_texts, tmp_path):
    tokens = train_ranks(real_texts, vocab_size=700)
    write_tokenizer(tmp_path, tokens, name="small")
    ours = load_encoding(tmp_path)
    theirs = hugging_face(tokens)
    assert len(real_texts) > 50
    for text in [*real_texts, *ODD]:
        ids = ours.encode_ordinary(text)
        assert ids == theirs.encode(text).ids
        assert ours.decode(ids) == theirs.decode(ids) == text
