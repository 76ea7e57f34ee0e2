"""Any causal language model of transformers, and its tokenizer, as scoring wants them.

transformers is no dependency of the package: it is imported where a folder or hub name is loaded,
and a model that is already in memory brings it along.
"""

import copy
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gptpath.errors import CheckpointError, TokenError
from gptpath.tokens.published import byte_letters
from gptpath.zeroshot.scoring import Scorer

PROBED = 12
"""Tokens by which a model is tried out."""

TOLERANCE = 1e-4
"""Largest difference of logits, relative to the largest one, that still counts as the same."""

CONTEXT_NAMES = ("n_positions", "max_position_embeddings", "n_ctx", "max_seq_len", "seq_length")


def load_hub_scorer(
    name: str,
    *,
    batch_size: int,
    device: str | torch.device = "cpu",
    precision: str = "float32",
) -> Scorer:
    """A Scorer of a model folder or hub name of transformers, float32 weights.

    Raises:
        CheckpointError: transformers is not installed, or cannot load the model.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise CheckpointError(
            f"{name}: models of this kind need the package transformers; "
            "install it (`pip install transformers`)"
        ) from None
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"transformers cannot load {name}: {error}") from None
    return hub_scorer(model.to(device), tokenizer, batch_size=batch_size, precision=precision)


def hub_scorer(
    model: Any, tokenizer: Any, *, batch_size: int, precision: str = "float32", **settings: Any
) -> Scorer:
    """A Scorer of a causal model and a tokenizer of transformers; `settings` as for Scorer."""
    encoding = HubEncoding(tokenizer)
    return Scorer(
        HubModel(model),
        encoding,
        batch_size=batch_size,
        precision=precision,
        start=encoding.start,
        first=encoding.first,
        **settings,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class HubShape:
    """Context and vocabulary of a model."""

    context_length: int
    vocab_size: int


class HubPast:
    """The cache of a transformers model; empty until something is read."""

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner

    def select(self, rows: Tensor) -> "HubPast":
        """A memory whose row i is a copy of row `rows[i]`; this one stays as it is."""
        if self.inner is None:
            return HubPast()
        chosen = copy.copy(self.inner)
        # Selecting puts new tensors into each layer, so the layers are copied and no tensor is.
        chosen.layers = [copy.copy(layer) for layer in self.inner.layers]
        chosen.batch_select_indices(rows)
        return HubPast(chosen)


class HubModel(nn.Module):
    """A `Predictor` over a causal model of transformers in evaluation mode.

    What the model can do is tried out once on a few tokens. If its logits are a plain matrix of
    the base model's last state, they are computed where they are asked for and nowhere else;
    otherwise (say, with soft-capped logits) `hidden` hands back whole rows of logits. If a cached
    beginning goes on to give other logits than the whole, or there is no cache to select from,
    nothing is shared between sequences.
    """

    def __init__(self, model: Any, *, context_length: int | None = None) -> None:
        super().__init__()
        self.model = model.eval()
        self._base = model.base_model
        with torch.inference_mode():
            tokens_BT = self._probe_tokens()
            logits_BTV = model(tokens_BT).logits
            self.head = self._plain_head(tokens_BT, logits_BTV)
            self.config = HubShape(
                context_length=context_length or _context_length(model.config),
                vocab_size=logits_BTV.shape[-1],
            )
            self.keeps_past = self._continues(tokens_BT, logits_BTV)

    def hidden(self, tokens_BT: Tensor, cache: HubPast | None = None) -> Tensor:
        """Last states (B, T, D), or logits (B, T, V) where they are no matrix of those."""
        reader = self.model if self.head is None else self._base
        if cache is None:
            found = reader(tokens_BT, use_cache=False)
        else:
            found = reader(tokens_BT, use_cache=True, past_key_values=cache.inner)
            cache.inner = found.past_key_values
        return found.logits if self.head is None else found.last_hidden_state

    def logits(self, x_D: Tensor) -> Tensor:
        """Unnormalised scores of what `hidden` returns."""
        if self.head is None:
            return x_D
        weight_VD, bias_V = self.head
        return nn.functional.linear(x_D.to(weight_VD.dtype), weight_VD, bias_V)

    def new_cache(self, batch_size: int) -> HubPast:
        """An empty cache; the batch size follows the first tokens read."""
        del batch_size
        return HubPast()

    def _probe_tokens(self) -> Tensor:
        size = self.model.get_input_embeddings().weight.shape[0]
        device = next(self.model.parameters()).device
        return (torch.arange(2 * PROBED, device=device).view(2, PROBED) * 7 + 5) % size

    def _plain_head(
        self, tokens_BT: Tensor, logits_BTV: Tensor
    ) -> tuple[Tensor, Tensor | None] | None:
        head: Any = self.model.get_output_embeddings()
        if not isinstance(head, nn.Linear) or self._base is self.model:
            return None
        states_BTD = self._base(tokens_BT, use_cache=False).last_hidden_state
        if states_BTD.shape[-1] != head.in_features or not _alike(head(states_BTD), logits_BTV):
            return None
        bias_V: Tensor | None = getattr(head, "bias", None)
        return head.weight.detach(), None if bias_V is None else bias_V.detach()

    def _continues(self, tokens_BT: Tensor, logits_BTV: Tensor) -> bool:
        """Whether beginnings read once, in the other order, go on as the whole does."""
        swapped = torch.tensor([1, 0], device=tokens_BT.device)
        past = self.new_cache(2)
        try:
            self.hidden(tokens_BT[:, : PROBED // 2], past)
            rest_BTD = self.hidden(tokens_BT[swapped, PROBED // 2 :], past.select(swapped))
        except (AttributeError, TypeError, ValueError, NotImplementedError):
            return False
        return _alike(self.logits(rest_BTD), logits_BTV[swapped, PROBED // 2 :])


def _alike(one: Tensor, other: Tensor) -> bool:
    bound = TOLERANCE * float(other.abs().max())
    return one.shape == other.shape and float((one - other).abs().max()) <= bound


def _context_length(config: Any) -> int:
    for name in CONTEXT_NAMES:
        value = getattr(config.get_text_config(), name, None)
        if isinstance(value, int):
            return value
    raise CheckpointError(
        f"{type(config).__name__} names no context length ({', '.join(CONTEXT_NAMES)}); "
        "give context_length"
    )


class HubEncoding:
    """A tokenizer of transformers behind the part of `tiktoken.Encoding` that the package uses.

    One difference: the characters of a special token within a text are that token.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.name = str(getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__)
        self.n_vocab = len(tokenizer)
        bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
        if eos is None and bos is None:
            raise TokenError(f"tokenizer {self.name} has neither an end nor a start of text")
        self.eot_token: int = bos if eos is None else eos
        self.first: tuple[int, ...] = (self.eot_token if bos is None else bos,)
        """What stands for an empty context."""
        self.start: tuple[int, ...] = self.first if tokenizer.encode("")[:1] == [bos] else ()
        """What the tokenizer itself puts before every text."""
        self._tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab()
        self._byte_of: dict[str, int] | None = None
        if "Ġ" in vocabulary and "▁" not in vocabulary:  # byte-level: a blank and SentencePiece's
            self._byte_of = {letter: byte for byte, letter in byte_letters().items()}

    def encode_ordinary(self, text: str) -> list[int]:
        """Ids of a text; single surrogates read as U+FFFD, as in tiktoken."""
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return list(self._tokenizer.encode(whole, add_special_tokens=False))

    def encode_ordinary_batch(self, text: list[str], *, num_threads: int = 8) -> list[list[int]]:
        """Ids of several texts."""
        del num_threads
        return [self.encode_ordinary(one) for one in text]

    def encode_to_numpy(
        self, text: str, *, disallowed_special: Collection[str] = ()
    ) -> npt.NDArray[np.uint32]:
        """Ids of a text as an array."""
        del disallowed_special
        return np.array(self.encode_ordinary(text), dtype=np.uint32)

    def decode(self, tokens: Sequence[int], errors: str = "replace") -> str:
        """Text of ids."""
        del errors
        return self._tokenizer.decode(
            list(tokens), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )

    def decode_single_token_bytes(self, token: int) -> bytes:
        """UTF-8 bytes of the text that one id stands for."""
        piece = self._tokenizer.convert_ids_to_tokens(token)
        if self._byte_of is not None and all(letter in self._byte_of for letter in piece):
            return bytes(self._byte_of[letter] for letter in piece)
        if re.fullmatch(r"<0x[0-9A-F]{2}>", piece):
            return bytes([int(piece[3:5], 16)])
        return piece.replace("▁", " ").encode()
