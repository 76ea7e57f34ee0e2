"""GPT-2's zero-shot table (GPT-2 sec. 3): readers and protocols of each benchmark together."""

from collections.abc import Callable, Sequence
from pathlib import Path

from gptpath.zeroshot.benchmarks.catalogue import FILES, missing
from gptpath.zeroshot.benchmarks.cbt import make_questions, read_questions
from gptpath.zeroshot.benchmarks.coqa import read_conversations
from gptpath.zeroshot.benchmarks.files import find, lines_of, read_bytes, read_rows, read_text
from gptpath.zeroshot.benchmarks.parallel import read_pairs
from gptpath.zeroshot.benchmarks.stories import read_stories
from gptpath.zeroshot.benchmarks.winograd import read_schemas
from gptpath.zeroshot.choices import score_winograd
from gptpath.zeroshot.cloze_books import book_item, score_books
from gptpath.zeroshot.detokenizers.treebank import PLAIN, PTB
from gptpath.zeroshot.detokenizers.wikitext import detokenize
from gptpath.zeroshot.items import passage_item, schema_item, summary_item
from gptpath.zeroshot.last_word import detokenized, score_lambada, score_lambada_plain
from gptpath.zeroshot.perplexity import TextSet, score_text, words_of
from gptpath.zeroshot.question_answering import (
    conversation_item,
    open_question_item,
    score_conversations,
    score_open_questions,
    with_examples,
)
from gptpath.zeroshot.sources import (
    AbsentError,
    Builder,
    Malformed,
    ScoreModel,
    Sources,
    require_file,
    require_some,
    rows_task,
    some_items,
)
from gptpath.zeroshot.summary import SummarySettings, score_summaries
from gptpath.zeroshot.translation import draw_examples, pair_item, score_translations

TEST_SPLIT = 5_000_000
"""Of enwik8 and text8: their last characters, by the custom of all who report on them."""
CNN_DAILYMAIL = {"max_new_tokens": 100, "top_k": 2, "sentences": 3}
"""GPT-2 sec. 3.6."""


def _lambada_plain(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    lines = lines_of(read_text(require_file(name, sources)))[: sources.max_items]
    rows = [{"id": f"{n:05d}", "text": line} for n, line in enumerate(lines)]
    items, malformed = some_items(rows, passage_item, f"{name} in the folder of benchmarks")
    joined = detokenized(items)
    return lambda scorer, report: score_lambada_plain(scorer, report, items, joined), malformed


def _words(respell: Callable[[str], str], *, by_line: bool = False) -> Builder:
    """Lines of words between blanks, whole ones up to `max_items` windows of tokens."""

    def build(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
        lines = lines_of(read_text(require_file(name, sources)))
        lines = lines[: _lines_within(lines, sources)]
        require_some(lines, Malformed(), f"{name} in the folder of benchmarks")
        text = TextSet(
            spellings={"raw": tuple(lines), "detokenized": tuple(map(respell, lines))},
            units={"word": words_of(lines)},
            by_line=by_line,
        )
        return lambda scorer, report: score_text(scorer, report, text), Malformed()

    return build


def _lines_within(lines: Sequence[str], sources: Sources) -> int | None:
    if sources.max_items is None:
        return None
    most = sources.max_items * sources.context_length
    total = 0
    for count, line in enumerate(lines):
        total += len(sources.encoding.encode_ordinary(line))
        if total > most:
            return max(1, count)
    return None


def _characters(unit: str) -> Builder:
    """The test split of enwik8 or text8, its first characters up to `max_items` windows."""

    def build(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
        raw = read_bytes(require_file(name, sources))[-TEST_SPLIT:]
        text = raw.decode("utf-8", errors="ignore")  # the cut may split one character
        if sources.max_items is not None:
            most = sources.max_items * sources.context_length
            ids = sources.encoding.encode_ordinary(text[: 16 * most])[:most]
            text = sources.encoding.decode(ids, errors="ignore")
        require_some(text, Malformed(), f"{name} in the folder of benchmarks")
        size = len(text.encode()) if unit == "byte" else len(text)
        measured = TextSet(spellings={"raw": (text,)}, units={unit: size})
        return lambda scorer, report: score_text(scorer, report, measured), Malformed()

    return build


def _made_cbt(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    kind = "NE" if name.endswith("-ne") else "CN"
    rows = make_questions(require_file(name, sources), kind, sources.seed)[: sources.max_items]
    items, malformed = some_items(rows, book_item, f"{name} in the folder of benchmarks")
    return lambda scorer, report: score_books(scorer, report, items), malformed


def _cnn_dailymail(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    folders = [sources.benchmarks / each for each in FILES[name]]
    rows = read_stories([folder for folder in folders if folder.is_dir()], sources.max_items)
    items, malformed = some_items(rows, summary_item, f"{name} in the folder of benchmarks")
    settings = SummarySettings(seed=sources.seed, **CNN_DAILYMAIL)
    return lambda scorer, report: score_summaries(scorer, report, items, settings), malformed


def _translation(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    """Examples come from the pairs before the test year (WMT) or from the validation split."""
    test, pool = (_sides(sources.benchmarks, forms) for forms in _PARALLEL[name.split("-")[0]])
    if test is None:
        raise AbsentError(missing(FILES[name]))
    turn = 1 if name.endswith("fr-en") else 0
    items, malformed = some_items(
        read_pairs(test[turn], test[1 - turn]), pair_item, f"{name} in the folder of benchmarks"
    )
    if pool is not None:
        source, _ = some_items(read_pairs(pool[turn], pool[1 - turn]), pair_item, f"{name} train")
        examples = draw_examples(source, sources.seed)
    else:
        examples = draw_examples(items, sources.seed)
        used = {pair.id for pair in examples}
        items = [item for item in items if item.id not in used]
    items = items[: sources.max_items]
    return lambda scorer, report: score_translations(scorer, report, items, examples), malformed


def _sides(folder: Path, forms: Sequence[tuple[str, str]]) -> tuple[Path, Path] | None:
    for english, french in forms:
        first, second = find(folder, (english,)), find(folder, (french,))
        if first is not None and second is not None:
            return first, second
    return None


def _natural_questions(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    rows = read_rows(require_file(name, sources))
    items, malformed = some_items(rows, open_question_item, f"{name} in the folder of benchmarks")
    train = find(sources.benchmarks, ("nq_open/NQ-open.train.jsonl",))
    pool = items
    if train is not None:
        pool, _ = some_items(read_rows(train), open_question_item, f"{name}'s train split")
    asked = with_examples(items, pool, apart=train is not None, seed=sources.seed)
    asked = asked[: sources.max_items]
    return lambda scorer, report: score_open_questions(scorer, report, asked), malformed


_PARALLEL = {
    "wmt14": (
        (
            ("wmt14/newstest2014-fren-src.en.sgm", "wmt14/newstest2014-fren-ref.fr.sgm"),
            ("wmt14/newstest2014-fren-ref.en.sgm", "wmt14/newstest2014-fren-src.fr.sgm"),
            ("wmt14/newstest2014.en", "wmt14/newstest2014.fr"),
        ),
        (("wmt14/newstest2013.en", "wmt14/newstest2013.fr"),),
    ),
    "multi30k": (
        (("multi30k_en_fr/test_2016_flickr.en", "multi30k_en_fr/test_2016_flickr.fr"),),
        (("multi30k_en_fr/val.en", "multi30k_en_fr/val.fr"),),
    ),
}

BUILDERS: dict[str, Builder] = {
    "lambada": rows_task(score_lambada, passage_item, read_rows),
    "lambada-plain": _lambada_plain,
    "cbt-cn": rows_task(score_books, book_item, read_questions),
    "cbt-ne": rows_task(score_books, book_item, read_questions),
    "cbt-books-cn": _made_cbt,
    "cbt-books-ne": _made_cbt,
    "wikitext-2": _words(detokenize),
    "wikitext-103": _words(detokenize),
    "ptb": _words(PTB.detokenize),
    "ptb-valid": _words(PTB.detokenize),
    "1bw": _words(PLAIN.detokenize, by_line=True),
    "enwik8": _characters("byte"),
    "text8": _characters("character"),
    "winograd": rows_task(score_winograd, schema_item, read_schemas),
    "coqa": rows_task(score_conversations, conversation_item, read_conversations),
    "cnn-dailymail": _cnn_dailymail,
    "wmt14-en-fr": _translation,
    "wmt14-fr-en": _translation,
    "multi30k-en-fr": _translation,
    "multi30k-fr-en": _translation,
    "natural-questions": _natural_questions,
}
