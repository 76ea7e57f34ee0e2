"""What is kept of a shard to find duplicates: fingerprints, sizes, band keys and sketches.

Both files are arrays over the shard's documents in order of rows:

- `NNNNN.keys.npy`, uint64, shape (3 + bands, documents): the two halves of the exact fingerprint,
  the number of shingles (repetitions included), and one key per band. Written last, so that its
  presence says that the shard is done.
- `NNNNN.sketches.npy`, uint8, shape (documents, permutations).

Without near-duplicates there are only the fingerprints.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gptpath.config.duplicates import Duplicates
from gptpath.text.duplicates.array_files import map_array, save_array
from gptpath.text.duplicates.deduplication import fingerprint
from gptpath.text.duplicates.minhash import Sketches, sign
from gptpath.text.duplicates.shard_rows import Rows, ShardRows, read_batches
from gptpath.text.duplicates.shingles import Hashes, shingle

FINGERPRINT = (0, 1)
SHINGLES = 2
FIRST_BAND = 3
"""Rows of the keys' array."""


def sign_shard(job: tuple[Path, Path], settings: Duplicates) -> None:
    """Write the files of a shard: (its path, the files' path without their endings)."""
    shard, stem = job
    fingerprints: list[Hashes] = []
    sizes: list[npt.NDArray[Any]] = [np.zeros(0, np.uint64)]
    keys: list[Hashes] = [np.zeros((settings.bands, 0), np.uint64)]
    sketches: list[Sketches] = [np.zeros((0, settings.permutations), np.uint8)]
    for texts in read_batches(shard):
        digests = b"".join(map(fingerprint, texts))
        fingerprints.append(np.frombuffer(digests, np.uint64).reshape(-1, 2).T)
        if settings.near:
            shingles = shingle(texts, settings.ngram_words)
            signatures = sign(shingles, settings)
            sizes.append((shingles.ends - shingles.starts).astype(np.uint64))
            keys.append(signatures.band_keys)
            sketches.append(signatures.sketches)
    table = np.concatenate(fingerprints, axis=1) if fingerprints else np.zeros((2, 0), np.uint64)
    if settings.near:
        save_array(sketches_path(stem), np.concatenate(sketches))
        near = np.concatenate(keys, axis=1)
        table = np.concatenate((table, np.concatenate(sizes)[None], near))
    save_array(keys_path(stem), table)


def keys_path(stem: Path) -> Path:
    """File of a shard's keys."""
    return stem.with_name(f"{stem.name}.keys.npy")


def sketches_path(stem: Path) -> Path:
    """File of a shard's sketches."""
    return stem.with_name(f"{stem.name}.sketches.npy")


def read_keys(stems: Sequence[Path], rows: Sequence[int]) -> Hashes:
    """Some rows of the keys over all shards, shape (rows, documents), in order of places."""
    parts = [map_array(keys_path(stem))[list(rows)] for stem in stems]
    return np.concatenate([np.zeros((len(rows), 0), np.uint64), *parts], axis=1)


def read_sketches(stems: Sequence[Path], layout: ShardRows, places: Rows) -> Sketches:
    """Sketches of some documents, in the order given."""
    order = np.argsort(places, kind="stable")
    parts = [
        map_array(sketches_path(stem))[rows]
        for stem, rows in zip(stems, layout.split(places[order]), strict=True)
        if len(rows)
    ]
    result = np.empty((len(places), parts[0].shape[1] if parts else 0), np.uint8)
    if parts:
        result[order] = np.concatenate(parts)
    return result
