"""Two model folders on the same held-out items: the numbers and checks behind a decision."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gptpath.config.gate import Gate
from gptpath.config.sections import Compute
from gptpath.gate.decision import Check, Rule, Unit
from gptpath.gate.heldout import Passage, item_numbers, read_passages
from gptpath.gate.leaks import Leaks, find_leaks
from gptpath.gate.losses import keeps_text, passage_nats, same_tokenizer
from gptpath.gate.paired import Column, Difference, PairedLosses, paired_bootstrap

Score = Callable[[Path], Column]
"""A model folder -> (passages,) nats of each passage."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """Held-out items, and which of them the training corpus leaves fit for a comparison."""

    passages: tuple[Passage, ...]
    items: tuple[int, ...]
    """The item that each passage counts to."""
    unit: Unit
    leaks: Leaks
    contaminated: npt.NDArray[np.bool_]
    """(items,) items that the training corpus holds already; they are compared on by nobody."""
    known_to: str = "training corpus"
    """Where they were looked for."""

    def sums(self, column: Column) -> Column:
        """(clean items,) sums of a column over the passages of each item."""
        sums = np.bincount(self.items, weights=column).astype(np.float64)
        return sums[~self.contaminated]


def read_heldout(
    split: Path, corpus: Iterable[Sequence[str]], settings: Gate, *, ngram_words: int
) -> HeldOut:
    """Read the held-out split and look for it in the training corpus, given as batches of texts.

    With fewer documents than `min_items` the passages are the items.
    """
    passages = read_passages(
        split, documents=settings.max_documents, characters=settings.passage_characters
    )
    documents = len({passage.document for passage in passages})
    by_document = documents >= settings.min_items
    items = item_numbers(passages, by_document=by_document)
    leaks = find_leaks(passages, corpus, ngram_words=ngram_words)
    return HeldOut(
        passages=tuple(passages),
        items=tuple(items),
        unit="document" if by_document else "passage",
        leaks=leaks,
        contaminated=leaks.contaminated(items, settings.overlap_share),
    )


def check_heldout(heldout: HeldOut, settings: Gate) -> list[Check]:
    """Enough items, and few enough of them known from training."""
    total, dirty = len(heldout.contaminated), int(heldout.contaminated.sum())
    clean = total - dirty
    enough = Check(
        name="items",
        passed=clean >= settings.min_items,
        note=f"{clean} {heldout.unit}s held out and not in the {heldout.known_to}, "
        f"at least {settings.min_items} asked for",
    )
    share = dirty / total
    words = heldout.leaks.ngram_words
    leaked = Check(
        name="contamination",
        passed=share <= settings.max_contaminated,
        note=f"{share:.1%} of the {heldout.unit}s have {settings.overlap_share:.0%} or more of "
        f"their {words}-grams in the {heldout.known_to}, at most {settings.max_contaminated:.1%} "
        f"allowed (of all {words}-grams: {heldout.leaks.share:.1%})",
    )
    return [enough, leaked]


def check_tokenizers(champion: Path, challenger: Path, heldout: HeldOut) -> Check:
    """Bits per byte compare between equal tokenizers, and between such as keep the text whole."""
    name = "tokenizers"
    if same_tokenizer(champion, challenger):
        return Check(name=name, passed=True, note="the same one")
    for side, folder in (("champion", champion), ("challenger", challenger)):
        if not keeps_text(folder, heldout.passages):
            note = (
                f"they differ, and the {side}'s does not give texts back as they were, so that "
                "its bits per byte are of another text; compare models of one tokenizer"
            )
            return Check(name=name, passed=False, note=note)
    return Check(name=name, passed=True, note="they differ; both keep every text whole")


def compare_models(
    champion: Path, challenger: Path, heldout: HeldOut, score: Score, settings: Gate
) -> tuple[Difference, Rule]:
    """Bits per byte of both on the clean items, and the interval of their difference."""
    sizes = np.array([len(passage.text.encode()) for passage in heldout.passages], dtype=np.float64)
    losses = PairedLosses(
        champion_nats=heldout.sums(score(champion)),
        challenger_nats=heldout.sums(score(challenger)),
        text_bytes=heldout.sums(sizes),
    )
    difference = paired_bootstrap(
        losses, confidence=settings.confidence, samples=settings.samples, seed=settings.seed
    )
    rule = Rule(
        margin_bpb=settings.margin_bpb,
        confidence=settings.confidence,
        samples=settings.samples,
        seed=settings.seed,
        unit=heldout.unit,
    )
    return difference, rule


def scorer_of(heldout: HeldOut, settings: Gate, compute: Compute) -> Score:
    """How model folders are scored on this machine."""
    return lambda folder: passage_nats(
        folder,
        heldout.passages,
        device=compute.device,
        precision=compute.precision,
        batch_size=settings.batch_size,
    )
