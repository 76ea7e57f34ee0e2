"""The tables of the page: plain records of text cells, drawn by page.html."""

from dataclasses import dataclass

from gptpath.report import numbers
from gptpath.report.numbers import MISSING, count, fixed, percent
from gptpath.report.published import GPT1_ABLATIONS, Published
from gptpath.report.results import Results


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Text with a second, smaller line, and whether it stands out."""

    text: str
    small: str = ""
    strong: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """`columns[0]` heads the row names; further columns are numbers unless `words` names them."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    note: str = ""
    words: tuple[str, ...] = ()

    @property
    def compact(self) -> bool:
        """Narrow enough to stand beside another one."""
        return len(self.columns) <= 3


def published_table(published: Published, *, note: str = "") -> Table:
    """A table of a paper as it was printed."""
    return Table(
        caption=f"Published: {published.source}",
        columns=published.columns,
        rows=published.rows,
        note=note,
    )


def drops_table(results: Results) -> Table:
    """What became of every document that was read."""
    ingest = results.ingest
    kept = sum(ingest["documents"].values())
    rows: list[tuple[str | Cell, ...]] = [("read", count(ingest["read"]), percent(1.0))]
    read = ingest["read"] or 1
    for reason, dropped in sorted(ingest["dropped"].items(), key=lambda item: -item[1]):
        rows.append((f"dropped: {reason}", count(dropped), percent(dropped / read)))
    rows.append((Cell(text="kept", strong=True), count(kept), percent(kept / read)))
    return Table(caption="Documents by fate", columns=("", "documents", "share"), rows=tuple(rows))


def splits_table(results: Results) -> Table:
    """Documents, characters and tokens of each split."""
    rows: list[tuple[str | Cell, ...]] = []
    for split in ("train", "validation", "tasks"):
        documents = results.ingest["documents"].get(split)
        encoded = results.encode.get(split, {})
        tokens, size = encoded.get("tokens"), encoded.get("bytes")
        rows.append(
            (
                split,
                count(documents),
                count(results.ingest["characters"].get(split)),
                count(tokens),
                fixed(size / tokens, 2) if tokens and size else MISSING,
            )
        )
    return Table(
        caption="The corpus by split (whole documents)",
        columns=("split", "documents", "characters", "tokens", "bytes per token"),
        rows=tuple(rows),
        note="The tasks split is held out from training; labelled tasks are derived from it.",
    )


def groups_table(results: Results) -> Table:
    """Where the documents come from."""
    groups = results.ingest["groups"]
    total = sum(results.ingest["documents"].values())
    shown = sorted(groups.items(), key=lambda item: (-item[1], item[0]))[:12]
    rows = [(name, count(n), percent(n / (total or 1))) for name, n in shown]
    rest = total - sum(n for _, n in shown)  # only the largest groups are listed by name
    if rest:
        rows.append(("others", count(rest), percent(rest / total)))
    return Table(
        caption="Documents by group (package or file)",
        columns=("group", "documents", "share"),
        rows=tuple(rows),
    )


def task_sizes_table(results: Results) -> Table:
    """Items of each derived task by split."""
    rows = tuple(
        (task, *(count(sizes.get(split)) for split in ("train", "validation", "test")))
        for task, sizes in results.ingest["tasks"].items()
    )
    return Table(
        caption="Tasks derived from held-out documents",
        columns=("task", "train", "validation", "test"),
        rows=rows,
    )


def pretraining_table(results: Results) -> Table:
    """Size, loss and price of every model."""
    best = min(results.pretrain[name]["final"]["loss"] for name in results.models)
    rows: list[tuple[str | Cell, ...]] = []
    for name in results.models:
        record = results.pretrain[name]
        entry = results.ledger.get(f"pretrain/{name}", {})
        wall = entry.get("wall_seconds")
        rows.append(
            (
                name,
                count(record["parameters"]),
                Cell(text=fixed(record["final"]["loss"]), strong=record["final"]["loss"] == best),
                fixed(record["final"]["perplexity"], 1),
                fixed(record["final"]["bpb"]),
                numbers.short(record["tokens"]),
                numbers.flops(record["flops"]),
                numbers.duration(wall),
                count(record["tokens"] / wall) if wall else MISSING,
                numbers.energy(entry.get("energy_joules")),
            )
        )
    for kind in ("unigram", "bigram"):
        values = results.encode["baselines"][kind]
        filler = (MISSING,) * 5
        rows.append(
            (
                f"{kind} counts",
                MISSING,
                fixed(values["loss"]),
                MISSING,
                fixed(values["bpb"]),
                *filler,
            )
        )
    return Table(
        caption="Pretraining: held-out results and price",
        columns=(
            "model",
            "parameters",
            "loss",
            "perplexity",
            "bits per byte",
            "tokens",
            "FLOPs",
            "time",
            "tokens/s",
            "energy",
        ),
        rows=tuple(rows),
        note="Loss in nats per token, perplexity per token of this tokenizer: compare across "
        "tokenizers by bits per byte only. Time is the whole stage, measurements included.",
    )


def ablations_table() -> Table:
    """GPT-1 Table 5, in the same order of variants."""
    return published_table(
        GPT1_ABLATIONS,
        note="CoLA Matthews, STS-B Pearson, MRPC and QQP F1, the rest accuracy, all × 100. "
        "Other tasks, other metrics, a far larger model: the order of the rows is what compares.",
    )


def overlap_table(results: Results) -> Table:
    """Share of each test set's n-grams that the training corpus contains."""
    record = results.contamination
    rows = tuple(
        (
            item["name"],
            count(item["items"]),
            count(item["ngrams"]),
            percent(item["share"], 2),
            percent(item.get("own_train_share"), 2),
            count(item["items_overlapping"]),
        )
        for item in record["sets"]
    )
    return Table(
        caption=f"Ours: {record['ngram_words']}-grams of each test set found in training text",
        columns=(
            "test set",
            "items",
            "n-grams",
            "in our corpus",
            "in own train split",
            "items touched",
        ),
        rows=rows,
    )
