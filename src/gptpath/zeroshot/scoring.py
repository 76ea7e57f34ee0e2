"""The three requests that are the whole contract between a language model and a protocol.

1. `Scorer.log_likelihoods`: how probable is each continuation of a context?
2. `Scorer.rolling`: how probable is every token of a long token array?
3. `Scorer.generate`: how does the model go on?

Everything else in this room is a protocol over these three (docs/protocols.md).

Tokenisation. Trailing whitespace of a context belongs to its continuation; then both are encoded
on their own. GPT-2's pre-split always cuts between a non-space character and the space after it,
so for a continuation that starts with a space this equals encoding both jointly. An empty context
is the end-of-text token: the start of a document.

Truncation. Of a context that does not fit, the last tokens are kept: as many as leave room for the
longest continuation of the request, so that all continuations of one request see the same context.
A continuation longer than the whole window is scored in consecutive windows, each token once.

Scores do not depend on the batch size or on the order of requests: rows are padded on the right,
where causality hides the padding, and log-softmax runs in float32 (outside autocast) at the
positions that are asked for and nowhere else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from gptpath.errors import CorpusError
from gptpath.model.device import autocast
from gptpath.model.folder import LanguageModel
from gptpath.model.generation import generate
from gptpath.tokens.encoding import Encoding
from gptpath.zeroshot.likelihood import Likelihood, Request, Tokens, join

LOGITS_AT_ONCE = {"cpu": 2**19, "cuda": 2**26}
"""Most logits held at once: what fits a core's cache, and 256 MiB in float32."""

GENERATED_AT_ONCE = 32  # prompts that are continued side by side


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """One sequence of a batch: predict its last `n_targets` tokens from all before them."""

    tokens: Tokens
    n_targets: int
    barred: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Continuations that share a context which fits: the context runs through the model once."""

    context: Tokens
    continuations: list[Tokens]
    barred: tuple[int, ...]


class Scorer:
    """Answers the three requests for one model in evaluation mode.

    `batch_size` bounds the sequences per forward pass, except that the continuations of one
    request are never torn apart. `tokens` counts the positions run through the model so far.
    """

    def __init__(
        self,
        model: LanguageModel,
        encoding: Encoding,
        *,
        batch_size: int,
        precision: str = "float32",
    ) -> None:
        self.model = model
        self.encoding = encoding
        self.batch_size = batch_size
        self.precision = precision
        self.context_length = model.config.context_length
        self.vocab_size = model.config.vocab_size
        self.device = next(model.parameters()).device
        self.tokens = 0

    def log_likelihoods(self, requests: Sequence[Request]) -> list[list[Likelihood]]:
        """Score every continuation of every request, in the order given.

        Raises CorpusError for a continuation without any token.
        """
        rows: list[_Row] = []
        row_owner: list[tuple[int, int]] = []
        groups: list[_Group] = []
        group_owner: list[int] = []
        for number, request in enumerate(requests):
            context, continuations = self._encode(request)
            longest = max(map(len, continuations))
            keep = min(len(context), self.context_length + 1 - longest)
            if len(continuations) > 1 and len(context) > 1 and keep > 0:
                groups.append(_Group(context[-keep:], continuations, request.barred))
                group_owner.append(number)
                continue
            for choice, tokens in enumerate(continuations):
                pieces = list(self._windows(np.concatenate([context, tokens]), len(context)))
                pieces[0] = replace(pieces[0], barred=request.barred)
                rows += pieces
                row_owner += [(number, choice)] * len(pieces)
        found: list[list[list[Likelihood]]] = [[[] for _ in r.continuations] for r in requests]
        for (number, choice), likelihood in zip(row_owner, self._score_rows(rows), strict=True):
            found[number][choice].append(likelihood)
        for number, likelihoods in zip(group_owner, self._score_groups(groups), strict=True):
            found[number] = [[likelihood] for likelihood in likelihoods]
        return [[join(pieces) for pieces in choices] for choices in found]

    def rolling(self, tokens: Tokens, *, stride: int | None = None) -> Likelihood:
        """Score each token of `tokens` (n,) once, the first one after an end-of-text token.

        Windows for context_length 4 and stride 2, `|` for end of text:
        ```
        reads | t0 t1 t2           predicts t0 t1 t2 t3
        reads     t1 t2 t3 t4      predicts             t4 t5
        ```
        The first window predicts context_length tokens, every later one `stride` tokens with as
        much context as fits.
        """
        whole = np.concatenate([[self.encoding.eot_token], tokens])
        pieces = self._score_rows(list(self._windows(whole, 1, stride)))
        return join(pieces)

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        top_k: int,
        seed: int,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """Sampled continuations of `prompts` (without the prompts); `top_k` 1 is greedy.

        A continuation ends before the first of the strings `stop`. Batches hold GENERATED_AT_ONCE
        prompts of like length.
        """
        lengths = [len(self.encoding.encode_ordinary(prompt)) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda i: (lengths[i], i))
        written: dict[int, str] = {}
        for start in range(0, len(order), GENERATED_AT_ONCE):
            batch = order[start : start + GENERATED_AT_ONCE]
            texts = generate(
                self.model,
                self.encoding,
                [prompts[i] for i in batch],
                max_new_tokens=max_new_tokens,
                top_k=top_k,
                seed=seed,
                stop=stop,
            )
            written.update(zip(batch, texts, strict=True))
        self.tokens += sum(lengths) + max_new_tokens * len(prompts)
        return [written[i] for i in range(len(prompts))]

    def _encode(self, request: Request) -> tuple[Tokens, list[Tokens]]:
        context = request.context.rstrip()
        moved = request.context[len(context) :] if context else ""
        ids = self.encoding.encode_ordinary(context) or [self.encoding.eot_token]
        continuations = [
            np.array(self.encoding.encode_ordinary(moved + text), dtype=np.int64)
            for text in request.continuations
        ]
        if not continuations or not all(map(len, continuations)):
            raise CorpusError(
                f"a request needs continuations of at least one token each, given "
                f"{list(request.continuations)!r} after {request.context[-40:]!r}"
            )
        return np.array(ids, dtype=np.int64), continuations

    def _windows(
        self, sequence: Tokens, first_target: int, stride: int | None = None
    ) -> Iterator[_Row]:
        """Cut `sequence` into rows that together predict its tokens from `first_target` on."""
        start, step = first_target, self.context_length
        while start < len(sequence):
            stop = min(start + step, len(sequence))
            yield _Row(sequence[max(0, stop - 1 - self.context_length) : stop], stop - start)
            start = stop
            step = stride or self.context_length

    @torch.inference_mode()
    def _score_rows(self, rows: list[_Row]) -> list[Likelihood]:
        found: dict[int, Likelihood] = {}
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i].tokens))
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            inputs_BT = self._pad([rows[i].tokens[:-1] for i in batch])
            with autocast(self.device, self.precision):
                x_BTD = self.model.hidden(inputs_BT)
            targets = [rows[i].tokens[-rows[i].n_targets :] for i in batch]
            firsts = [len(rows[i].tokens) - 1 - rows[i].n_targets for i in batch]
            barred = [rows[i].barred for i in batch]
            found.update(zip(batch, self._read(x_BTD, firsts, targets, barred), strict=True))
        return [found[i] for i in range(len(rows))]

    @torch.inference_mode()
    def _score_groups(self, groups: list[_Group]) -> list[list[Likelihood]]:
        found: dict[int, list[Likelihood]] = {}
        for batch in self._batches(groups):
            contexts = np.stack([groups[i].context for i in batch])
            rows = [tokens for i in batch for tokens in groups[i].continuations]
            owner = [k for k, i in enumerate(batch) for _ in groups[i].continuations]
            barred = [groups[i].barred for i in batch for _ in groups[i].continuations]
            likelihoods = iter(self._score_shared(contexts, rows, owner, barred))
            for i in batch:
                found[i] = [next(likelihoods) for _ in groups[i].continuations]
        return [found[i] for i in range(len(groups))]

    def _batches(self, groups: list[_Group]) -> Iterator[list[int]]:
        """Groups whose contexts are equally long, at most `batch_size` continuations together."""

        def lengths(i: int) -> tuple[int, int]:
            return len(groups[i].context), max(map(len, groups[i].continuations))

        order = sorted(range(len(groups)), key=lengths, reverse=True)
        batch: list[int] = []
        size = 0
        for i in order:
            more = len(groups[i].continuations)
            if batch and (
                len(groups[i].context) != len(groups[batch[0]].context)
                or size + more > self.batch_size
            ):
                yield batch
                batch, size = [], 0
            batch.append(i)
            size += more
        if batch:
            yield batch

    def _score_shared(
        self,
        contexts: Tokens,
        rows: list[Tokens],
        owner: list[int],
        barred: list[tuple[int, ...]],
    ) -> list[Likelihood]:
        """Run contexts (G, P) once, then each row after the context of its owner."""
        cache = self.model.new_cache(len(contexts))
        owner_R = torch.tensor(owner, device=self.device)
        with autocast(self.device, self.precision):
            x_GPD = self.model.hidden(torch.from_numpy(contexts).to(self.device), cache)
            x_RTD = x_GPD[owner_R, -1:]
            inputs_RT = self._pad([tokens[:-1] for tokens in rows])
            if inputs_RT.shape[1]:
                cache = cache.select(owner_R)
                x_RTD = torch.cat([x_RTD, self.model.hidden(inputs_RT, cache)], dim=1)
        self.tokens += contexts.size
        return self._read(x_RTD, [0] * len(rows), rows, barred)

    def _pad(self, rows: list[Tokens]) -> torch.Tensor:
        padded = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
        for number, tokens in enumerate(rows):
            padded[number, : len(tokens)] = tokens
        self.tokens += padded.size
        return torch.from_numpy(padded).to(self.device)

    def _read(
        self,
        x_BTD: torch.Tensor,
        firsts: list[int],
        targets: list[Tokens],
        barred: list[tuple[int, ...]],
    ) -> list[Likelihood]:
        """Log-probabilities of `targets[b]` from the states at `firsts[b]` and after.

        The first of them competes with all tokens but `barred[b]` for being greedy.
        """
        rows_M = np.repeat(np.arange(len(targets)), [len(t) for t in targets])
        places_M = np.concatenate(
            [f + np.arange(len(t)) for f, t in zip(firsts, targets, strict=True)]
        )
        cuts = np.cumsum([len(t) for t in targets])[:-1]
        starts = {m: list(ids) for m, ids in zip([0, *cuts], barred, strict=True) if ids}
        targets_M = torch.from_numpy(np.concatenate(targets)).to(self.device)
        x_MD = x_BTD[torch.from_numpy(rows_M), torch.from_numpy(places_M)].float()
        log_probs, greedy, done = list[torch.Tensor](), list[torch.Tensor](), 0
        at_once = max(1, LOGITS_AT_ONCE[self.device.type] // self.vocab_size)
        for x_mD, targets_m in zip(x_MD.split(at_once), targets_M.split(at_once), strict=True):
            logits_mV = self.model.logits(x_mD).float()
            chosen_m = logits_mV.gather(-1, targets_m[:, None])[:, 0]
            log_probs.append(chosen_m - logits_mV.logsumexp(-1))  # float32 log-softmax
            for m, ids in starts.items():
                if done <= m < done + len(targets_m):
                    logits_mV[m - done, ids] = -torch.inf
            done += len(targets_m)
            greedy.append(logits_mV.argmax(-1) == targets_m)
        pieces = zip(
            targets,
            np.split(torch.cat(log_probs).double().cpu().numpy(), cuts),
            np.split(torch.cat(greedy).cpu().numpy(), cuts),
            strict=True,
        )
        return [Likelihood(tokens=t, log_probs=p, greedy=g) for t, p, g in pieces]
