"""Penn-Treebank-like spellings: PTB, LAMBADA's original release, CBT, the Billion Word Benchmark.

Words stand apart from punctuation, clitics (`do n't`, `it 's`) and quotes (``` `` ... '' ```, or
`` ` ... ' ``). OpenAI's own rules were never released; these are ours.
"""

import re

from gptpath.zeroshot.detokenizers.reversible import Spelling

_ABBREVIATIONS = frozenset(
    ("mr", "mrs", "ms", "dr", "st", "jr", "sr", "vs", "no", "inc", "co", "corp", "etc")
)
"""A full stop after these, a single letter, or a word with another one may belong to the word."""
_CLITICS = r"(?:n't|'s|'re|'ve|'ll|'d|'m)"

_JOINS = tuple(
    (re.compile(pattern), joined)
    for pattern, joined in (
        (r"(?<!\S)`` (?=\S)", '"'),
        (r"(?<!\S)` (?=\S)", "‘"),
        (rf"(?<=\w) ({_CLITICS})(?!\S)", r"\1"),
        (r"(?<!\S)([(\[]) (?=\S)", r"\1"),
        (r"(?<=\S) ([)\]])(?!\S)", r"\1"),
        (r"(?<=\S) ([,;:!?])(?!\S)", r"\1"),
        (r"(?<!\S)([$#]) (?=\w)", r"\1"),
        (r"(?<=\w) %(?!\S)", "%"),
        (r" ''(?!\S)", '"'),
        (r"(?<=[\w.,;:!?]) '(?!\S)", "'"),
    )
)
_SPLITS = tuple(
    (re.compile(pattern), split)
    for pattern, split in (
        (r'(?<![^\s(\[‘])"(?=\S)', "`` "),
        (r'(?<=\S)"', " ''"),
        (r"‘(?=\S)", "` "),
        (rf"(?<=\w)({_CLITICS})(?![\w'])", r" \1"),
        (r"(?<=[\w.,;:!?])'(?![\w'])", " '"),
        (r"(?<![^\s`])([(\[])(?=\S)", r"\1 "),
        (r"(?<=\S)([)\]])(?=[\s,;:!?.]|$)", r" \1"),
        (r"(?<=\S)([,;:!?])(?=[\s,;:!?.]|$)", r" \1"),
        (r"(?<!\S)([$#])(?=\w)", r"\1 "),
        (r"(?<=\w)%(?!\S)", " %"),
    )
)


_JOIN_STOP = re.compile(r"(\S+) (\.)(?!\S)")
_SPLIT_STOP = re.compile(r"(\S*[^\s.])(\.)(?=\s|$)")


def _join(body: str) -> str:
    for pattern, joined in _JOINS:
        body = pattern.sub(joined, body)
    return body


def _split(text: str) -> str:
    for pattern, split in _SPLITS:
        text = pattern.sub(split, text)
    return text


def _stop_after(match: re.Match[str], between: str) -> str:
    word = match[1].lstrip("\"'(‘")
    if len(word) == 1 or word.lower() in _ABBREVIATIONS or "." in word:
        return match[0]
    return f"{match[1]}{between}."


PTB = Spelling(join=lambda body: _join(body.strip(" ")), split=lambda text: f" {_split(text)} ")
"""Mikolov's files: each line between blanks, its full stops taken out but for abbreviations'."""
PLAIN = Spelling(
    join=lambda body: _join(_JOIN_STOP.sub(lambda match: _stop_after(match, ""), body)),
    split=lambda text: _SPLIT_STOP.sub(lambda match: _stop_after(match, " "), _split(text)),
)
"""LAMBADA's original release, CBT's books and questions, and the Billion Word Benchmark."""
