"""What was read, dropped and kept, by split, source and group: the stage's metrics."""

from typing import Any

import polars as pl

from gptpath.config.ingest import Ingest
from gptpath.text.corpus import Corpus

MOST_GROUPS = 50
"""Groups of a source that are listed: those with the most bytes."""


def corpus_metrics(corpus: Corpus, ingest: Ingest) -> dict[str, Any]:
    """Entries of metrics/ingest.json (docs/formats.md)."""
    groups = (
        pl.scan_parquet(corpus.groups / "*.parquet")
        .group_by("source", "group")
        .agg(pl.col("documents").sum(), pl.col("bytes").sum())
        .sort(["source", "bytes", "group"], descending=[False, True, False])
        .collect(engine="streaming")
    )
    total = int(groups["bytes"].sum())
    largest = (
        groups.group_by("group")  # two sources may have groups of one name
        .agg(pl.col("documents").sum())
        .sort(["documents", "group"], descending=[True, False])
        .head(MOST_GROUPS)
    )
    sizes = corpus.splits.items()
    return {
        "read": corpus.read,
        "documents": {split: size.documents for split, size in sizes},
        "characters": {split: size.characters for split, size in sizes},
        "bytes": {split: size.bytes for split, size in sizes},
        "shards": dict(corpus.decisions.shards),
        "dropped": dict(corpus.dropped),
        "groups": {row["group"]: row["documents"] for row in largest.to_dicts()},
        "sources": {
            settings.name: {
                "kind": settings.kind,
                "weight": settings.weight,
                "read": sum(u.read for u in corpus.units if u.source == settings.name),
                "read_bytes": sum(u.read_bytes for u in corpus.units if u.source == settings.name),
                "kept_fraction": corpus.decisions.fractions[settings.name],
                **_kept(groups.filter(pl.col("source") == settings.name), total),
            }
            for settings in ingest.sources
        },
    }


def _kept(groups: pl.DataFrame, total: int) -> dict[str, Any]:
    """Size of one source in the corpus, all splits together, and its largest groups."""
    bytes_ = int(groups["bytes"].sum())
    return {
        "documents": int(groups["documents"].sum()),
        "bytes": bytes_,
        "share": bytes_ / total,
        "groups": {
            row["group"]: {"documents": row["documents"], "bytes": row["bytes"]}
            for row in groups.head(MOST_GROUPS).to_dicts()
        },
        "other_groups": max(0, len(groups) - MOST_GROUPS),
    }
