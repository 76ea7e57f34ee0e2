"""What makes a de-tokenizer safe: taking apart again must give the published line."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_SENTENCE = re.compile(r"(?<= [.?!]) (?=\S)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelling:
    """A published spelling of words, and how running text comes from it and goes back."""

    join: Callable[[str], str]
    """Published line (without its end) -> running text; may go wrong."""
    split: Callable[[str], str]
    """Running text -> published line."""

    def detokenize(self, line: str) -> str:
        """The line as running text if `tokenize` recovers it from that, else as published.

        Where the whole line cannot be recovered, its sentences are tried one by one.
        """
        body, end = split_end(line)
        text = self.join(body)
        if self.split(text) == body:
            return text + end
        sentences = _SENTENCE.split(body)
        text = " ".join(self._sentence(sentence) for sentence in sentences)
        return (text if self.split(text) == body else body) + end

    def tokenize(self, text: str) -> str:
        """The published spelling of a line that `detokenize` joined."""
        body, end = split_end(text)
        return self.split(body) + end

    def _sentence(self, sentence: str) -> str:
        text = self.join(sentence)
        return text if self.split(text) == sentence else sentence


def split_end(line: str) -> tuple[str, str]:
    """A line without its end, and its end."""
    body = line.rstrip("\r\n")
    return body, line[len(body) :]
