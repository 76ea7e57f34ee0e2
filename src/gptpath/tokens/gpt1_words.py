r"""How GPT-1's encoder cuts a text into lower-cased words, within which alone symbols merge.

Two ways, which give different ids:

`spacy`: what the released code does (openai/finetune-transformer-lm text_utils.py): ftfy's repair
with its defaults, `standardise`, spaCy's rules for English, lower case. The weights were trained on
words like these ("do", "n't"; a newline is a word). The rules are those of the installed spaCy; the
release used the spaCy of 2018, and rules for rare cases have changed since.

`basic`: what transformers' OpenAIGPTTokenizer does (BERT's BasicTokenizer): accents stripped, every
punctuation mark a word of its own ("don", "'", "t"), newlines lost. It needs no further library.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gptpath.errors import TokenError

Words = Callable[[str], list[str]]

_DASHES = str.maketrans({"—": "-", "–": "-", "―": "-", "…": "...", "´": "'"})
# A plus sign after a backslash is no mark: the release wrote its pattern without the r.
_MARKS = re.compile(r"(-+|~+|!+|\"+|;+|\?+|\++|,+|\)+|\(+|/+|\*+|\[+|\]+|}+|{+|\|+|_+)")
_NEWLINES = re.compile(r"\s*\n\s*")
_BLANKS = re.compile(r"[^\S\n]+")

_CJK = re.compile(
    "([\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002b81f\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f])"
)
_ASCII_WORDS = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_ASCII_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def words_of(way: str) -> Words:
    """Return the function of `way`, `spacy` or `basic`; TokenError if spaCy is not installed."""
    if way == "basic":
        return basic_words
    if way == "spacy":
        tokenize, fix_text = _load_spacy()

        def spacy_words(text: str) -> list[str]:
            # spaCy's word for a newline holds the blank after it, too.
            return [
                "\n" if word.is_space else word.text.lower()
                for word in tokenize(standardise(fix_text(text)))
            ]

        return spacy_words
    raise TokenError(f"tokenizer.words={way!r} is unknown; known: basic, spacy")


def standardise(text: str) -> str:
    """Dashes, dots and accents to ASCII, blanks around runs of marks, white space collapsed."""
    text = _MARKS.sub(r" \1 ", text.translate(_DASHES))
    return _BLANKS.sub(" ", _NEWLINES.sub(" \n ", text)).strip()


def basic_words(text: str) -> list[str]:
    """Words of BERT's BasicTokenizer with lower case and stripped accents."""
    if text.isascii():
        return _ASCII_WORDS.findall(_ASCII_CONTROLS.sub("", text).lower())
    text = "".join(c for c in text if not _is_control(c))
    text = unicodedata.normalize("NFD", _CJK.sub(r" \1 ", text))
    # Letter by letter: the final sigma gets no form of its own.
    letters = (c.lower() for c in text if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if _is_punctuation(c) else c for c in "".join(letters)).split()


def _is_control(character: str) -> bool:
    if character in "\t\n\r":
        return False
    return character in "\x00\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co")


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and not character.isalnum() and character != " "
    return unicodedata.category(character).startswith("P")


@lru_cache(maxsize=1)
def _load_spacy() -> tuple[Callable[[str], Any], Callable[[str], str]]:
    """Return spaCy's English tokenizer, for which no model is needed, and ftfy's repair."""
    try:
        import ftfy
        import spacy  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise TokenError(
            f"tokenizer.words=spacy needs {error.name}: `pip install 'gptpath[gpt1]'`, or set "
            "tokenizer.words=basic, whose ids are other ones than those of the released encoder"
        ) from None
    return spacy.blank("en").tokenizer, ftfy.fix_text
