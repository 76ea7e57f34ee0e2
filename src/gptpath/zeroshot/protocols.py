"""Versions of the protocols: a number grows when the rule behind its name changes.

docs/protocols.md explains each name; a test holds the two lists together.
"""

VERSIONS: dict[str, int] = {
    "heldout-perplexity": 1,
    "heldout-bits-per-byte": 1,
    "text-token-perplexity": 1,
    "text-word-perplexity": 1,
    "text-byte-bits": 1,
    "text-character-bits": 1,
    "last-word-whole": 1,
    "last-word-last-token": 1,
    "last-word-perplexity": 1,
    "cloze-rest-of-sentence": 1,
    "cloze-candidate-only": 1,
    "continuation-mean": 1,
    "continuation-sum": 1,
    "continuation-gain": 1,
    "winograd-partial": 1,
    "winograd-full": 1,
    "acceptability-threshold-mcc": 1,
    "acceptability-threshold-accuracy": 1,
    "acceptability-pair-mean": 1,
    "acceptability-pair-sum": 1,
    "tldr-rouge": 1,
    "tldr-rouge-no-hint": 1,
    "tldr-rouge-lead": 1,
    "tldr-rouge-random": 1,
    "prompt-choice-sum": 1,
    "prompt-choice-per-character": 1,
    "prompt-exact-match": 1,
    "prompt-f1": 1,
    "prompt-rouge": 1,
    "prompt-bleu": 1,
}
