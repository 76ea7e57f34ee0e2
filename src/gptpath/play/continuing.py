"""Samples of a prompt, token by token with what the model thought of them."""

import codecs
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
    return [_continuation(encoding, text, next(scored) if text else None) for text in texts]


def _continuation(encoding: Encoding, text: str, scored: Likelihood | None) -> Continuation:
    if scored is None:
        return Continuation(text=text, tokens=0, pieces=())
    tokens: list[int] = scored.tokens.tolist()
    return Continuation(
        text=text, tokens=len(tokens), pieces=_pieces(encoding, tokens, scored.log_probs.tolist())
    )


def _pieces(
    encoding: Encoding, tokens: Sequence[int], log_probs: Sequence[float]
) -> tuple[Piece, ...]:
    """Whole characters: a token that ends within one is told together with the next."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces: list[Piece] = []
    waiting = 0.0
    for place, (token, log_prob) in enumerate(zip(tokens, log_probs, strict=True), start=1):
        part = encoding.decode_single_token_bytes(token)
        waiting += log_prob
        if text := decoder.decode(part, final=place == len(tokens)):
            pieces.append((text, waiting))
            waiting = 0.0
    return tuple(pieces)
