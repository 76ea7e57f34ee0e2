"""Samples of a prompt, token by token with what the model thought of them."""

import codecs
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from gptpath.model.generation import generate_samples
from gptpath.model.predictor import Predictor
from gptpath.model.sampling import Sampling
from gptpath.tokens.encoding import Encoding
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.scoring import Scorer

Piece = tuple[str, float]
"""The text of one token, and its natural log-probability given everything before it; where a
character takes several tokens, all of them together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Continuation:
    """One sample."""

    text: str
    tokens: int
    pieces: tuple[Piece, ...]
    """Their texts joined are the text. The probabilities are the model's own, whatever temperature
    and filters the sample was drawn with."""

    @property
    def mean_log_prob(self) -> float | None:
        """Nats per token; None of an empty text."""
        return sum(log_prob for _, log_prob in self.pieces) / self.tokens if self.tokens else None


def continue_prompt(
    model: Predictor,
    encoding: Encoding,
    prompt: str,
    *,
    sampling: Sampling,
    samples: int,
    max_new_tokens: int,
    seed: int,
) -> list[Continuation]:
    """Draw `samples` continuations; the same ones as `gptpath generate` with these settings."""
    [texts] = generate_samples(
        model,
        encoding,
        [prompt],
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        samples=samples,
        seed=seed,
    )
    written = tuple(text for text in texts if text)
    scorer = Scorer(model, encoding, batch_size=8)
    requests = [Request(context=prompt, continuations=written)] if written else []
    scored = iter(*scorer.log_likelihoods(requests)) if written else iter(())
    return [_continuation(encoding, prompt, text, next(scored) if text else None) for text in texts]


def _continuation(
    encoding: Encoding, prompt: str, text: str, scored: Likelihood | None
) -> Continuation:
    if scored is None:
        return Continuation(text=text, tokens=0, pieces=())
    parts = [encoding.decode_single_token_bytes(token) for token in scored.tokens.tolist()]
    log_probs: list[float] = scored.log_probs.tolist()
    blanks = prompt[len(prompt.rstrip()) :]
    if b"".join(parts).decode(errors="replace") == blanks + text:
        # Scoring takes blanks at a prompt's end for a part of what follows; they are the prompt's.
        parts = _without(parts, len(blanks.encode()))
        log_probs = log_probs[-len(parts) :]
    return Continuation(text=text, tokens=len(parts), pieces=_pieces(parts, log_probs))


def _without(parts: Sequence[bytes], first: int) -> list[bytes]:
    """The tokens' bytes from the one that reaches beyond the `first` bytes on."""
    ends = itertools.accumulate(map(len, parts))
    return [part[-(end - first) :] for part, end in zip(parts, ends, strict=True) if end > first]


def _pieces(parts: Sequence[bytes], log_probs: Sequence[float]) -> tuple[Piece, ...]:
    """Whole characters: a token that ends within one is told together with the next."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces: list[Piece] = []
    waiting = 0.0
    for place, (part, log_prob) in enumerate(zip(parts, log_probs, strict=True), start=1):
        waiting += log_prob
        if text := decoder.decode(part, final=place == len(parts)):
            pieces.append((text, waiting))
            waiting = 0.0
    return tuple(pieces)
