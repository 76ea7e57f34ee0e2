"""WikiText's word-level spelling turned back into running text, reversibly (GPT-2 sec. 3.1).

`detokenize` joins what WikiText took apart (` , ` to `, `, ` @-@ ` to `-`, ` 's` to `'s`); then
`tokenize` takes it apart again. A line on which the two do not cancel out stays as published, so
no character of the test set is ever lost or invented, and the perplexity per original word is
that of the same text. OpenAI's own rules were never released; these are ours.
"""

import re

from gptpath.zeroshot.detokenizers.reversible import split_end

_INNER = {" @-@ ": "-", " @,@ ": ",", " @.@ ": "."}
_CLITIC = re.compile(r" ('(?:s|re|ve|ll|d|m|t)\b)")
# After these a full stop may be part of the word: it is neither attached nor taken off.
_NO_ABBREVIATION = r"(?<!\b[A-Z])(?<!\.)" + "".join(
    rf"(?<!\b{word})"
    for word in ("No", "St", "Co", "Mr", "Mrs", "Dr", "Jr", "Sr", "vs", "Lt", "Inc")
)
_CLOSING = re.compile(rf" ([,;:!?)\]])(?= |$)|{_NO_ABBREVIATION} (\.)(?= |$)")
_OPENING = re.compile(r"(?<![^ ])([(\[]) ")
_HEADING = re.compile(r"^ ((?:= )+)(.*?)((?: =)+) $")
_PAIR = re.compile(r'" ([^"]*?) "')


def detokenize(line: str) -> str:
    """One line of WikiText (with its line feed, if any) as running text, if reversible."""
    text = _join(line)
    return text if tokenize(text) == line else line


def tokenize(text: str) -> str:
    """The published spelling of a line that `detokenize` joined."""
    body, end = split_end(text)
    if not body:
        return " " + end
    if match := re.fullmatch(r"(=+) (.*) (=+)", body):
        opening, closing = (" ".join(match[i]) for i in (1, 3))
        return f" {opening} {_apart(match[2])} {closing} {end}"
    return f" {_apart(body)} {end}"


def _join(line: str) -> str:
    body, end = split_end(line)
    if match := _HEADING.match(body):
        opening, closing = (match[i].replace(" ", "") for i in (1, 3))
        return f"{opening} {_together(match[2])} {closing}{end}"
    return _together(body.strip(" ")) + end


def _together(text: str) -> str:
    for apart, joined in _INNER.items():
        text = text.replace(apart, joined)
    text = _PAIR.sub(r'"\1"', text)
    text = _OPENING.sub(r"\1", text)
    text = _CLITIC.sub(r"\1", text)
    return _CLOSING.sub(r"\1\2", text)


def _apart(text: str) -> str:
    text = re.sub(r"(?<=[^\s\-])-(?=[^\s\-])", " @-@ ", text)
    text = re.sub(r"(?<=[\d>])([,.])(?=[\d<])", r" @\1@ ", text)
    text = re.sub(r"(?<=\S)('(?:s|re|ve|ll|d|m|t)\b)", r" \1", text)
    text = re.sub(r"(?<=\S)([,;:!?)\]])(?=[ ,.;:!?)\]\"]|$)", r" \1", text)
    text = re.sub(rf"(?<=\S){_NO_ABBREVIATION}(\.)(?=[ ,;:!?)\]\"]|$)", r" \1", text)
    text = re.sub(r"(?<![^ \"(\[])([(\[])(?=\S)", r"\1 ", text)
    return re.sub(r'"([^"]*?)"', r'" \1 "', text)
