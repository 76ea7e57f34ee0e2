import csv
import io
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.finetune.reading.delimited import Delimited
from gptpath.finetune.reading.splits import SPLITS, carve, texts_of, without_later_rows
from gptpath.finetune.reading.structured import JsonLines

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
PLAIN = TEXT.map(lambda text: "".join(c for c in text if c not in "\t\r\n"))
QUOTED = st.lists(st.tuples(TEXT, TEXT), max_size=20)
UNQUOTED = st.lists(st.tuples(PLAIN, PLAIN), max_size=20)


def read(reader, content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(content)
        return list(reader.read(path))


@settings(max_examples=150)
@given(rows=QUOTED, delimiter=st.sampled_from(",\t;"), end=st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_wrote_is_read_back_to_the_last_character(rows, delimiter, end):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *rows])
    found = read(Delimited(delimiter=delimiter, quotes=True), stream.getvalue().encode())
    assert [tuple(row.values.values()) for row in found] == rows
    assert all(row.problem is None for row in found)


@settings(max_examples=150)
@given(rows=UNQUOTED, end=st.sampled_from(["\n", "\r\n"]), ended=st.booleans())
def test_a_table_without_quotes_is_read_back_whatever_it_holds(rows, end, ended):
    content = end.join("\t".join(row) for row in [("a", "b"), *rows]) + end * ended
    found = read(Delimited(delimiter="\t", quotes=False), content.encode())
    assert [tuple(row.values.values()) for row in found] == rows
    assert [row.number for row in found] == list(range(2, len(rows) + 2))


@settings(max_examples=200)
@given(lines=st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=20))
def test_every_line_of_any_bytes_is_a_row_or_a_problem(lines):
    found = read(Delimited(delimiter="\t", quotes=False), b"\n".join([b"a\tb", *lines]))
    assert [row.number for row in found] == [
        number for number, line in enumerate(lines, start=2) if line and line != b"\r"
    ]
    for row in found:
        fields = lines[row.number - 2].removesuffix(b"\r").split(b"\t")
        assert (row.problem is None) == (len(fields) == 2 and decodes(lines[row.number - 2]))


def decodes(line):
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=150)
@given(
    lines=st.lists(
        st.one_of(
            st.dictionaries(TEXT, TEXT, max_size=3).map(json.dumps),
            st.sampled_from(["", " ", "{", "[]", "null", '"x"', "{}\r"]),
        ),
        max_size=20,
    )
)
def test_every_line_of_json_is_an_object_a_problem_or_blank(lines):
    found = read(JsonLines(), "\n".join(lines).encode())
    wanted = [number for number, line in enumerate(lines, start=1) if line.strip()]
    assert [row.number for row in found] == wanted
    for row in found:
        line = lines[row.number - 1].strip()
        assert (row.problem is None) == (line.startswith("{") and line.endswith("}"))


def items(texts):
    return [{"id": str(i), "text": text, "label": 0} for i, text in enumerate(texts)]


@given(
    texts=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60),
    fraction=st.floats(0.01, 0.5),
    most=st.none() | st.integers(1, 10),
)
def test_holding_back_loses_no_row_and_parts_no_text(texts, fraction, most):
    rows = items(texts)
    rest, held = carve(rows, fraction=fraction, most=most, kind="classification", salt="s")
    assert sorted(rest + held, key=lambda row: int(row["id"])) == rows
    assert not {row["text"] for row in rest} & {row["text"] for row in held}
    assert held
    largest = max(texts.count(text) for text in set(texts))
    wanted = max(1, min(round(fraction * len(rows)), len(rows) if most is None else most))
    assert wanted <= len(held) < wanted + largest or not rest


@given(parts=st.lists(st.lists(st.sampled_from("abcdABCD"), max_size=8), min_size=3, max_size=3))
def test_no_text_is_left_in_two_splits_and_test_stays_whole(parts):
    splits = {split: items(part) for split, part in zip(SPLITS, parts, strict=True)}
    kept, dropped = without_later_rows(splits)
    texts = {split: {texts_of(row) for row in rows} for split, rows in kept.items()}
    assert not texts["train"] & texts["test"]
    assert not texts["train"] & texts["validation"]
    assert not texts["validation"] & texts["test"]
    assert kept["test"] == splits["test"]
    for split in SPLITS:
        assert len(splits[split]) == len(kept[split]) + dropped.get(split, 0)
