"""EleutherAI's lm-eval on local files: its own task files, with the data set put in their place."""

import gzip
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import tiktoken
import torch
from tiktoken_ext.openai_public import r50k_pat_str
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from gptpath.tokens.bpe import END_OF_TEXT
from gptpath.tokens.published import gpt2_ranks
from tests.shared_data import REAL

Rows = Iterable[Mapping[str, Any]]

TASKS = {
    "hellaswag": ("hellaswag/hellaswag.yaml", "validation"),
    "piqa": ("piqa/piqa.yaml", "validation"),
    "arc_easy": ("arc/arc_easy.yaml", "test"),
    "arc_challenge": ("arc/arc_challenge.yaml", "test"),
    "lambada_openai": ("lambada/lambada_openai.yaml", "test"),
    "wsc273": ("wsc273/default.yaml", "test"),
    "wikitext": ("wikitext/wikitext.yaml", "test"),
}
"""Task -> its file in lm_eval/tasks, and the split it is scored on."""


def hub_tokenizer() -> PreTrainedTokenizerFast:
    """GPT-2's tokenizer from the published files."""
    folder = REAL / "tokenizers" / "gpt2"
    tokenizer = Tokenizer(
        models.BPE.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe"))
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END_OF_TEXT, eos_token=END_OF_TEXT
    )


def own_encoding() -> tiktoken.Encoding:
    """The same for tiktoken."""
    ranks = gpt2_ranks(REAL / "tokenizers" / "gpt2")
    return tiktoken.Encoding(
        name="gpt2",
        pat_str=r50k_pat_str,
        mergeable_ranks={token: rank for rank, token in enumerate(ranks)},
        special_tokens={END_OF_TEXT: len(ranks)},
    )


def random_gpt2(*, n_layer: int, n_embd: int, n_head: int, n_positions: int) -> GPT2LMHeadModel:
    """A GPT-2 with GPT-2's vocabulary that predicts far from evenly."""
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            n_layer=n_layer,
            n_embd=n_embd,
            n_head=n_head,
            n_positions=n_positions,
            initializer_range=0.1,
        )
    ).eval()


def read_rows(name: str) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file of the shared data."""
    with gzip.open(REAL / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def hub_rows() -> dict[str, list[dict[str, Any]]]:
    """The shared data in the columns that the hub, and with it lm-eval, gives each set."""
    labels = gzip_or_plain("piqa/valid-labels.lst").split()
    return {
        "hellaswag": read_rows("hellaswag/hellaswag.jsonl.gz"),
        "piqa": [
            row | {"label": int(label)}
            for row, label in zip(read_rows("piqa/valid.jsonl.gz"), labels, strict=True)
        ],
        **{
            name: [_arc_row(row) for row in read_rows(f"arc/{name}.jsonl.gz")]
            for name in ("arc_easy", "arc_challenge")
        },
        "lambada_openai": read_rows("lambada/lambada_test.jsonl.gz"),
        "wsc273": _schema_rows(),
        "wikitext": _pages(gzip_or_plain("wikitext-2/test.txt.gz")),
    }


def gzip_or_plain(name: str) -> str:
    """A text file of the shared data."""
    content = (REAL / name).read_bytes()
    return (gzip.decompress(content) if name.endswith(".gz") else content).decode()


def _arc_row(row: Mapping[str, Any]) -> dict[str, Any]:
    names = [str(n + 1) for n in range(len(row["choices"]))]
    return {
        "question": row["query"].removeprefix("Question: "),
        "choices": {"text": row["choices"], "label": names},
        "answerKey": names[row["gold"]],
    }


def _schema_rows() -> list[dict[str, Any]]:
    """The first 273 schemas of the collection, the pronoun by its place in the text."""
    rows: list[dict[str, Any]] = []
    for schema in list(ElementTree.parse(REAL / "winograd" / "WSCollection.xml").getroot())[:273]:
        before, pronoun, after = (
            " ".join((schema.findtext(f"text/{part}") or "").split())
            for part in ("txt1", "pron", "txt2")
        )
        answer = re.sub(r"[^AB]", "", schema.findtext("correctAnswer") or "")
        rows.append(
            {
                "text": f"{before} {pronoun} {after}",
                "pronoun": pronoun,
                "pronoun_loc": len(before) + 1,
                "options": [(each.text or "").strip() for each in schema.iter("answer")],
                "label": "AB".index(answer),
            }
        )
    return rows


def _pages(text: str) -> list[dict[str, str]]:
    """WikiText by article."""
    pages = re.split(r"(?m)^(?= = [^=].*[^=] = $)", text)
    return [{"page": page} for page in pages if page.strip()]


def evaluate(lm: Any, folder: Path, rows: Mapping[str, Rows], *, limit: int) -> dict[str, Any]:
    """What lm-eval says of the first `limit` rows of each task: `samples` and `results`."""
    os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"
    import lm_eval
    from lm_eval.tasks import TaskManager

    library = Path(lm_eval.__file__).parent / "tasks"
    for task, of_task in rows.items():
        path, split = TASKS[task]
        data = folder / f"{task}.jsonl"
        lines = [json.dumps(row) + "\n" for row in list(of_task)[:limit]]
        data.write_text("".join(lines), encoding="utf-8")
        settings = {
            "include": str(library / path),
            "task": f"local_{task}",
            "dataset_path": "json",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": {split: str(data)}, "cache_dir": str(folder)},
            "training_split": None,
            "validation_split": split if split == "validation" else None,
            "test_split": split if split == "test" else None,
        }
        (folder / f"{task}.yaml").write_text(json.dumps(settings), encoding="utf-8")
    return lm_eval.simple_evaluate(
        model=lm,
        tasks=[f"local_{task}" for task in rows],
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
