"""Which files each benchmark is read from, below zeroshot.benchmarks_dir.

The first name that is there is taken, as it is or gzipped; what is absent is reported by name.
"""

from pathlib import Path

from gptpath.zeroshot.benchmarks.files import find

_BILLION = "1-billion-word-language-modeling-benchmark-r13output"
FILES: dict[str, tuple[str, ...]] = {
    "lambada": ("lambada/lambada_test.jsonl", "lambada/hub.jsonl"),
    "lambada-plain": ("lambada/lambada_test_plain_text.txt",),
    "cbt-cn": ("cbt/cbtest_CN_valid_2000ex.txt", "cbt/CBTest/data/cbtest_CN_valid_2000ex.txt"),
    "cbt-ne": ("cbt/cbtest_NE_valid_2000ex.txt", "cbt/CBTest/data/cbtest_NE_valid_2000ex.txt"),
    "cbt-books-cn": ("cbt/cbt_test.txt", "cbt/CBTest/data/cbt_test.txt"),
    "cbt-books-ne": ("cbt/cbt_test.txt", "cbt/CBTest/data/cbt_test.txt"),
    "wikitext-2": ("wikitext-2/test.txt", "wikitext-2/wiki.test.tokens"),
    "wikitext-103": ("wikitext-103/wiki.test.tokens", "wikitext-103/test.txt"),
    "ptb": ("ptb/ptb.test.txt",),
    "ptb-valid": ("ptb/ptb.valid.txt",),
    "1bw": (
        "1bw/news.en.heldout-00000-of-00050",
        f"1bw/{_BILLION}/heldout-monolingual.tokenized.shuffled/news.en.heldout-00000-of-00050",
    ),
    "enwik8": ("enwik8/enwik8", "enwik8/enwik8.zip"),
    "text8": ("text8/text8", "text8/text8.zip"),
    "winograd": ("winograd/winograd_wsc.jsonl", "winograd/WSCollection.xml"),
    "coqa": ("coqa/coqa-dev-v1.0.json",),
    "cnn-dailymail": (
        "cnn_dailymail/cnn_stories",
        "cnn_dailymail/dailymail_stories",
        "cnn_dailymail/cnn/stories",
        "cnn_dailymail/dailymail/stories",
    ),
    "wmt14-en-fr": ("wmt14/newstest2014-fren-src.en.sgm", "wmt14/newstest2014.en"),
    "wmt14-fr-en": ("wmt14/newstest2014-fren-src.fr.sgm", "wmt14/newstest2014.fr"),
    "multi30k-en-fr": ("multi30k_en_fr/test_2016_flickr.en",),
    "multi30k-fr-en": ("multi30k_en_fr/test_2016_flickr.fr",),
    "natural-questions": ("nq_open/NQ-open.dev.jsonl", "natural-questions/hub.jsonl"),
    "cola": ("cola/cola_public/raw/in_domain_train.tsv", "CoLA/train.tsv"),
    "sst-2": ("SST-2/dev.tsv", "sst-2/test.tsv"),
    "race": ("race/race.jsonl", "race/RACE/test", "RACE/test"),
    "dprd": ("winograd/dpr/test.c.txt",),
    "dprd-train": ("winograd/dpr/train.c.txt",),
}

COLA_TESTS = (
    ("cola/cola_public/raw/in_domain_dev.tsv", "cola/cola_public/raw/out_of_domain_dev.tsv"),
    ("CoLA/dev.tsv",),
)
"""CoLA's development sets beside the training file above; all files of a form are wanted."""


def absence(folder: Path, benchmark: str) -> str | None:
    """Why a benchmark cannot be read: the missing file by name; None when it is there."""
    names = FILES[benchmark]
    # A folder counts where the benchmark is published as one: stories, RACE's passages.
    if find(folder, names) or any((folder / name).is_dir() for name in names):
        return None
    return missing(names)


def missing(names: tuple[str, ...]) -> str:
    """Says that none of the files is there."""
    return f"no {' or '.join(names)} (or .gz) in the folder of zeroshot.benchmarks_dir"
