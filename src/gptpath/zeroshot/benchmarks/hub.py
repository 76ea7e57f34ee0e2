"""Benchmarks from the Hugging Face hub, written below benchmarks_dir as rows that are read there.

The rows lie in `NAME/hub.jsonl`; `NAME/hub.json` says where they come from, commit included, so
that what was measured can be had again. DVC sees the files like any others.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptpath.config.zeroshot import PROMPT_TASKS
from gptpath.errors import ConfigError, CorpusError
from gptpath.text.json_files import write_json
from gptpath.zeroshot.prompts import shipped_task

OTHERS = {
    "lambada": {"id": "EleutherAI/lambada_openai", "config": "default", "split": "test"},
    "natural-questions": {"id": "google-research-datasets/nq_open", "split": "validation"},
}
"""Besides the shipped prompt tasks, whose files name their own place."""
NAMES = (*OTHERS, *PROMPT_TASKS)

Load = Callable[[str, str | None, str, str], Iterable[Mapping[str, Any]]]
"""(id, config, split, revision) -> rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One benchmark on disk."""

    path: Path
    rows: int
    source: str
    """Data set and commit."""


def fetch_benchmark(
    name: str,
    folder: Path,
    *,
    revision: str | None = None,
    load: Load | None = None,
    resolve: Callable[[str, str | None], str] | None = None,
) -> Written:
    """Write `folder`/NAME/hub.jsonl, whole or not at all.

    `revision` is a commit, tag or branch; None is the data set's present one, whose commit is
    recorded. Raises ConfigError for an unknown name, CorpusError if the hub is out of reach.
    """
    if name not in NAMES:
        raise ConfigError(f"no benchmark {name!r} on the hub; known: {', '.join(NAMES)}")
    place = OTHERS.get(name) or shipped_task(name).hub
    try:
        commit = (resolve or _commit)(place["id"], revision)
        rows = (load or _load)(place["id"], place.get("config"), place["split"], commit)
        lines = [json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows]
    except ImportError as error:
        raise ConfigError(f"the hub needs `pip install 'gptpath[hub]'` ({error})") from None
    except Exception as error:
        raise CorpusError(f"{name}: {place['id']} cannot be had from the hub: {error}") from error
    path = folder / name / "hub.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text("".join(lines), encoding="utf-8")
    os.replace(temporary, path)
    write_json(path.with_suffix(".json"), {**place, "revision": commit, "rows": len(lines)})
    return Written(path=path, rows=len(lines), source=f"{place['id']}@{commit}")


def _commit(dataset: str, revision: str | None) -> str:
    from huggingface_hub import HfApi

    return str(HfApi().dataset_info(dataset, revision=revision).sha)


def _load(
    dataset: str, config: str | None, split: str, revision: str
) -> Iterable[Mapping[str, Any]]:
    from datasets import load_dataset

    return load_dataset(dataset, config, split=split, revision=revision)  # pyright: ignore
