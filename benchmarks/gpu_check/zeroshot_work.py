"""What the section `zeroshot` asks, as requests to us and as token sequences to anybody."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gptpath.tokens.encoding import Encoding
from gptpath.zeroshot.likelihood import Likelihood, Request


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What is asked of each kind."""

    choices: list[Request]
    """Several continuations of each context; half of the contexts share a header, one is empty."""
    last_words: list[Request]
    texts: list[npt.NDArray[np.int64]]
    """Whole texts, some longer than the context, one that the model wrote itself."""
    prompts: list[str]
    """To be continued."""

    @property
    def requests(self) -> list[Request]:
        """Choices and last words."""
        return [*self.choices, *self.last_words]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of all asked tokens, one after another."""

    log_probs: npt.NDArray[np.float64]
    """Natural log-probabilities, shape (n,)."""
    lead: npt.NDArray[np.float64]
    """Of a token over the likeliest other one, nats; of ours only the sign is known, shape (n,)."""

    @property
    def likeliest(self) -> npt.NDArray[np.bool_]:
        """Whether each token is the likeliest."""
        return self.lead >= 0

    def apart(self, other: "Answer") -> float:
        """Largest difference of a token's log-probability, nats."""
        return float(np.abs(self.log_probs - other.log_probs).max())


def answer_of(likelihoods: Sequence[Likelihood]) -> Answer:
    """Our likelihoods in a row."""
    return Answer(
        np.concatenate([each.log_probs for each in likelihoods]),
        np.concatenate([np.where(each.greedy, 1.0, -1.0) for each in likelihoods]),
    )


def make_work(
    text: str, encoding: Encoding, context_length: int, *, own: Sequence[int], small: bool
) -> Work:
    """Requests of many lengths out of a text; `own` are tokens that the model wrote."""
    words = text.split()
    count, unit = (6, 1) if small else (48, 10)
    draw = np.random.default_rng(4)

    def passage(length: int) -> str:
        start = int(draw.integers(len(words) - length))
        return " ".join(words[start : start + length])

    def some(least: int, most: int) -> str:
        return passage(int(draw.integers(least, most)))

    header = passage(8 * unit)
    choices = [Request(context="", continuations=tuple(passage(size) for size in (1, 2, 3)))]
    for number in range(count):
        context = some(1, 4 * unit)
        choices.append(
            Request(
                context=f"{header} {context}" if number % 2 else context,
                continuations=tuple(f" {passage(size)}" for size in (1, 2, 3, 2 + unit)),
            )
        )
    ids = np.array(encoding.encode_ordinary(text), dtype=np.int64)
    lengths = (context_length // 2, context_length, 2 * context_length + 5, 90)
    starts = draw.integers(len(ids) - max(lengths), size=1 if small else 4)
    return Work(
        choices=choices,
        last_words=[
            Request(context=some(2, 12 * unit), continuations=(f" {passage(1)}",))
            for _ in range(2 * count)
        ],
        texts=[
            np.array(own, dtype=np.int64),
            *(ids[start : start + length] for start in starts for length in lengths),
        ],
        prompts=[passage(1 + number * unit) for number in range(4 if small else 12)],
    )


def sequences(
    encoding: Encoding, work: Work, context_length: int
) -> Iterator[tuple[list[int], int]]:
    """Tokens of each sequence and how many of its last ones are asked, in the order of the work.

    Said here anew and not taken from the package. A continuation begins with a space, where no
    token crosses from the context into it.
    """
    first = [encoding.eot_token]
    for request in work.requests:
        context = encoding.encode_ordinary(request.context) or first
        for text in request.continuations:
            asked = encoding.encode_ordinary(text)
            yield [*context, *asked][-context_length - 1 :], len(asked)
    for text in work.texts:
        whole = [*first, *text.tolist()]
        for start in range(1, len(whole), context_length):
            stop = min(start + context_length, len(whole))
            yield whole[max(0, stop - 1 - context_length) : stop], stop - start
