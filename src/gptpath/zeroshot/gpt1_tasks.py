"""GPT-1's zero-shot heuristics (GPT-1 sec. 5, Figure 2 right)."""

from gptpath.zeroshot.sources import Builder

BUILDERS: dict[str, Builder] = {}
