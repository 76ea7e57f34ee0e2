"""Section `zeroshot` of params.yaml. No third-party import here (see sections.py)."""

import re
from collections import Counter
from dataclasses import dataclass, field

from gptpath.config.prompts import PromptTask
from gptpath.config.sections import FORBID_UNKNOWN, require, require_least

OWN_TASKS = ("heldout", "last-word", "cloze", "continuation", "acceptability", "tldr")
"""From held-out documents of the corpus."""
GPT2_TASKS = (
    "lambada",
    "lambada-plain",
    "cbt-cn",
    "cbt-ne",
    "cbt-books-cn",
    "cbt-books-ne",
    "wikitext-2",
    "wikitext-103",
    "ptb",
    "ptb-valid",
    "1bw",
    "enwik8",
    "text8",
    "winograd",
    "coqa",
    "cnn-dailymail",
    "wmt14-en-fr",
    "wmt14-fr-en",
    "multi30k-en-fr",
    "multi30k-fr-en",
    "natural-questions",
)
"""GPT-2 sec. 3, with two stand-ins that bear their own names: cbt-books, multi30k."""
GPT1_TASKS = ("cola", "sst-2", "race", "dprd", "dprd-train")
"""GPT-1 sec. 5 and Figure 2 (right)."""
PROMPT_TASKS = (
    "hellaswag",
    "piqa",
    "arc-easy",
    "arc-challenge",
    "boolq",
    "winogrande",
    "openbookqa",
)
"""Shipped as files of gptpath/zeroshot/prompts."""
TEXTS = ("wikitext-2", "wikitext-103", "ptb", "ptb-valid", "1bw", "enwik8", "text8")
"""Test sets of running text."""
GENERATED = (
    "tldr",
    "coqa",
    "cnn-dailymail",
    "wmt14-en-fr",
    "wmt14-fr-en",
    "multi30k-en-fr",
    "multi30k-fr-en",
    "natural-questions",
)
"""Tasks that are answered by generated text."""
FINAL_ONLY = (*TEXTS, *GENERATED)
"""Asked of the finished model alone: they cost more than all the others together."""
ZEROSHOT_TASKS = (*OWN_TASKS, *GPT2_TASKS, *GPT1_TASKS, *PROMPT_TASKS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Zeroshot:
    """Tasks asked of language models without any training (GPT-1 sec. 5, GPT-2 sec. 3)."""

    tasks: tuple[str, ...]
    """See ZEROSHOT_TASKS; those whose data is absent are reported as absent."""
    prompts: dict[str, PromptTask | str] = field(default_factory=dict[str, PromptTask | str])
    """Prompt tasks of one's own by name: written out here, or the name of a YAML file below
    benchmarks_dir, where a change of it is noticed."""
    benchmarks_dir: str = "data/benchmarks"
    """Folder of public benchmarks in their published layouts; a dependency of the stage."""
    max_items: int | None = None
    """Most items per task; None means all."""
    tldr_tokens: int = 40
    """Tokens generated after `TL;DR:` for the corpus's own summaries (cnn-dailymail has the 100
    of GPT-2 sec. 3.6)."""
    tldr_top_k: int = 2
    batch_size: int = 32
    """Sequences of the whole context that a forward pass may hold; more of shorter ones."""
    bootstrap_samples: int = 1000
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        counts = ("max_items", "tldr_tokens", "tldr_top_k", "batch_size", "bootstrap_samples")
        require_least("zeroshot", self, **dict.fromkeys(counts, 1))
        taken = set(self.prompts) & set(ZEROSHOT_TASKS)
        require(not taken, f"zeroshot.prompts {sorted(taken)} are names of other tasks; rename")
        for name in self.prompts:
            require(
                re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is not None,
                f"zeroshot.prompts: {name!r} is no name; use letters, digits, dots and dashes",
            )
        twice = sorted(name for name, count in Counter(self.tasks).items() if count > 1)
        require(not twice, f"zeroshot.tasks names {', '.join(twice)} twice")
        known = (*ZEROSHOT_TASKS, *self.prompts)
        unknown = set(self.tasks) - set(known)
        require(not unknown, f"unknown zeroshot.tasks {sorted(unknown)}; known: {known}")
