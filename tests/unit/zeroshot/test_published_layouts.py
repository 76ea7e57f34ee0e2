"""Readers of the published layouts, on small files written here and on real ones."""

import json
from collections import Counter

import pytest

from gptpath.errors import CorpusError
from gptpath.zeroshot.benchmarks.cbt import make_questions, read_questions
from gptpath.zeroshot.benchmarks.coqa import read_conversations
from gptpath.zeroshot.benchmarks.files import read_bytes, read_rows
from gptpath.zeroshot.benchmarks.gpt1_sets import read_cola, read_pronouns, read_race
from gptpath.zeroshot.benchmarks.parallel import read_pairs
from gptpath.zeroshot.benchmarks.stories import read_stories
from gptpath.zeroshot.cloze_books import book_item, fill
from gptpath.zeroshot.detokenizers.treebank import PLAIN
from gptpath.zeroshot.heuristics import pronoun_item, race_item, sentence_item
from gptpath.zeroshot.items import parse_items
from gptpath.zeroshot.question_answering import conversation_item, open_question_item
from tests.shared_data import REAL

real = pytest.mark.skipif(not (REAL / "race").is_dir(), reason="the real benchmarks are not here")


def question_block(last):
    return "".join(f"{n} Sentence {n} .\n" for n in range(1, 21)) + f"21 {last}\n"


def test_cbt_question_files_are_read_block_by_block(tmp_path):
    path = tmp_path / "cbt.txt"
    path.write_text(
        question_block("The XXXXX sat , he said .\tcat\t\tcat|dog|sun")
        + "\n"
        + question_block("No tabs here")
        + "\n"
        + "1 Too short .\n2 XXXXX\ta\t\ta|b\n"
    )
    items, malformed = parse_items(read_questions(path), book_item)
    [item] = items
    assert item.context.startswith("Sentence 1 . Sentence 2 .")
    assert item.context.count("Sentence") == 20
    assert (item.before, item.after, item.label) == ("The ", " sat , he said .", 0)
    assert item.options == ("cat", "dog", "sun")
    assert malformed == {"not 20 sentences and a question": 2}


@pytest.mark.parametrize(
    ("question", "context_end", "rests"),
    [
        ("The XXXXX sat .", "Before. The", (" cat sat.", " cow sat.")),
        ("XXXXX sat .", "Before.", (" cat sat.", " cow sat.")),
        ("`` XXXXX , '' he said .", "Before.", (' "cat," he said.', ' "cow," he said.')),
        ("He saw the XXXXX", "Before. He saw the", (" cat", " cow")),
    ],
)
def test_candidates_share_all_up_to_the_last_blank_before_the_gap(question, context_end, rests):
    row = {"id": "a", "sentences": ["Before ."], "question": question}
    item = book_item(row | {"answer": "cow", "options": ["cat", "cow"]})
    filled = fill(item, PLAIN.detokenize)
    assert (filled.context, filled.rests) == (context_end, rests)
    assert all(rest.startswith(part) for rest, part in zip(rests, filled.openings, strict=True))
    assert [part.strip('" ') for part in filled.openings] == ["cat", "cow"]


@real
@pytest.mark.parametrize("kind", ["CN", "NE"])
def test_raw_books_give_items_of_the_same_form(kind):
    path = REAL / "cbt" / "cbt_test.txt.gz"
    rows = make_questions(path, kind, seed=1)
    items, malformed = parse_items(rows, book_item)
    assert malformed == {}
    assert len(items) > 150
    assert rows == make_questions(path, kind, seed=1) != make_questions(path, kind, seed=2)
    for row in rows:
        words = " ".join(row["sentences"]).split()
        assert len(row["sentences"]) == 20
        assert len(row["options"]) == len(set(row["options"])) == 10
        assert row["answer"] in words
        assert all(option[0].isupper() == (kind == "NE") for option in row["options"])
    answers = Counter(row["answer"] for row in rows)
    assert answers.most_common(1)[0][1] < 0.2 * len(rows)


def test_coqa_gives_a_row_per_question_with_the_conversation_before_it(tmp_path):
    path = tmp_path / "coqa-dev-v1.0.json"
    turns = [{"input_text": "Who?", "turn_id": 1}, {"input_text": "Where?", "turn_id": 2}]
    story = {
        "id": "s1",
        "source": "mctest",
        "story": "Ann sat. ",
        "questions": turns,
        "answers": [{"input_text": "Ann"}, {"input_text": "here"}],
        "additional_answers": {"0": [{"input_text": "Anna"}, {"input_text": "there"}]},
    }
    path.write_text(json.dumps({"data": [story, {"id": "s2"}]}))
    items, malformed = parse_items(read_conversations(path), conversation_item)
    assert [item.id for item in items] == ["s1#00", "s1#01"]
    assert items[1].prompt == "Ann sat.\n\nQ: Who?\nA: Ann\nQ: Where?\nA:"
    assert items[1].answers == ("here", "there")
    assert malformed == {"story, question or answer is missing": 1}
    path.write_text("[]")
    with pytest.raises(CorpusError, match="CoQA"):
        read_conversations(path)


def test_stories_have_their_highlights_as_summary(tmp_path):
    (tmp_path / "b.story").write_text(
        "Body one.\n\nMore.\n\n@highlight\n\nFirst\n\n@highlight\n\nB\n"
    )
    (tmp_path / "a.story").write_text("Other\n")
    (tmp_path / "notes.txt").write_text("no story")
    rows = read_stories([tmp_path], None)
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[1] == {"id": "b", "article": "Body one.\n\nMore.", "summary": "First\nB"}
    assert len(read_stories([tmp_path], 1)) == 1


def test_parallel_files_are_plain_or_sgml_and_equally_long(tmp_path):
    (tmp_path / "a.en.sgm").write_text(
        '<doc><seg id="1">A &amp; b</seg>\n<seg id="2"> c </seg></doc>'
    )
    (tmp_path / "a.fr").write_text("un\ndeux\n")
    rows = read_pairs(tmp_path / "a.en.sgm", tmp_path / "a.fr")
    assert [(row["source"], row["target"]) for row in rows] == [("A & b", "un"), ("c", "deux")]
    (tmp_path / "a.fr").write_text("un\n")
    with pytest.raises(CorpusError, match="has 2 lines and .* 1"):
        read_pairs(tmp_path / "a.en.sgm", tmp_path / "a.fr")


def test_race_is_read_from_its_published_folder_or_from_one_file(tmp_path):
    folder = tmp_path / "test" / "high"
    folder.mkdir(parents=True)
    passage = {
        "article": "A text.",
        "questions": ["What?", "Why _ ?"],
        "options": [["a", "b", "c", "d"]] * 2,
        "answers": ["B", "D"],
    }
    (folder / "1.txt").write_text(json.dumps(passage))
    (folder / "2.txt").write_text("broken")
    items, malformed = parse_items(read_race(tmp_path / "test"), race_item)
    assert [(item.id, item.label) for item in items] == [("high/1#0", 1), ("high/1#1", 3)]
    assert items[0].context == "A text.\nWhat?"
    assert malformed == {"article or question is no text": 1}


@pytest.mark.parametrize(
    ("block", "contexts", "rest"),
    [
        (
            ("The bee landed on it because it had pollen.", "it", "The bee,the flower", "the bee"),
            ("The bee landed on it because the bee", "The bee landed on it because the flower"),
            " had pollen.",
        ),
        (
            ("Bob paid. His car is red.", "his", "Bob,Al", "Al"),
            ("Bob paid. Bob's", "Bob paid. Al's"),
            " car is red.",
        ),
    ],
)
def test_both_referents_are_put_in_for_the_last_pronoun(tmp_path, block, contexts, rest):
    path = tmp_path / "dpr.txt"
    path.write_text("\n".join(block) + "\n\nonly\ntwo lines\n")
    [item], malformed = parse_items(read_pronouns(path), pronoun_item)
    assert (item.contexts, item.continuation) == (contexts, rest)
    assert malformed == {"block has not four lines": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"sentence": "It is.", "label": "2"}, "label is neither 0 nor 1"),
        ({"sentence": " ", "label": "1"}, "sentence is no text"),
    ],
)
def test_malformed_sentences_are_told_apart(row, reason):
    assert parse_items([row | {"id": "a"}], sentence_item)[1] == {reason: 1}


def test_open_questions_end_in_one_question_mark():
    row = {"id": "a", "question": "who is it?", "answer": ["me"]}
    assert open_question_item(row).prompt == "Q: who is it?\nA:"


def test_a_zip_is_read_as_its_one_file(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "text8.zip", "w") as archive:
        archive.writestr("text8", "some words")
    assert read_bytes(tmp_path / "text8.zip") == b"some words"
    (tmp_path / "broken.zip").write_bytes(b"PK")
    with pytest.raises(CorpusError, match="unpacked"):
        read_bytes(tmp_path / "broken.zip")


@real
def test_the_real_files_are_read_whole():
    found = {
        "race": parse_items(read_race(REAL / "race/race.jsonl.gz"), race_item),
        "sst-2": parse_items(read_rows(REAL / "sst-2/test.tsv"), sentence_item),
        "cola": parse_items(
            read_cola(REAL / "cola/cola_public/raw/in_domain_train.tsv.gz"), sentence_item
        ),
        "nq": parse_items(read_rows(REAL / "nq_open/NQ-open.dev.jsonl.gz"), open_question_item),
        "dprd": parse_items(read_pronouns(REAL / "winograd/dpr/train.c.txt"), pronoun_item),
    }
    counts = {name: len(items) for name, (items, _) in found.items()}
    assert counts == {"race": 1000, "sst-2": 872, "cola": 8551, "nq": 3610, "dprd": 1316}
    pairs = read_pairs(
        REAL / "multi30k_en_fr/test_2016_flickr.en.gz",
        REAL / "multi30k_en_fr/test_2016_flickr.fr.gz",
    )
    assert len(pairs) == 1000
    assert len(read_stories([REAL / "cnn_dailymail/cnn_stories"], None)) == 20


def test_answers_of_race_that_are_no_texts_make_a_malformed_item():
    row = {"id": "a", "article": "Text.", "question": "Why?", "answer": "A"}
    rows = [row | {"options": options} for options in (["x", None], [1, 2], ["x", " "], "xy", [])]
    items, malformed = parse_items([*rows, row | {"options": ["x", "y"]}], race_item)
    assert [item.choices for item in items] == [(" x", " y")]
    assert malformed == {"options are not two or more texts": 5}


@pytest.mark.parametrize("content", ["[]", "{}", '{"data": null}', '{"data": 3}', "[["])
def test_a_file_that_is_no_coqa_is_named(tmp_path, content):
    path = tmp_path / "coqa-dev-v1.0.json"
    path.write_text(content)
    with pytest.raises(CorpusError, match="coqa-dev"):
        read_conversations(path)
