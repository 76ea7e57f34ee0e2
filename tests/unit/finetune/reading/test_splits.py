import pytest

from gptpath.errors import CorpusError
from gptpath.finetune.reading.assemble import HeldBack, Origin, assemble
from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.raw import Raw
from gptpath.finetune.reading.splits import carve, sample, shared_rows, without_later_rows

FIELDS = Fields(kind="classification", texts={"text": "text"}, classes={"0": 0, "1": 1})


def items(*texts):
    return [{"id": f"f:{i}", "text": text, "label": i % 2} for i, text in enumerate(texts)]


def raws(texts, file="f"):
    return [
        Raw(file=file, number=i, values={"text": text, "label": str(i % 2)})
        for i, text in enumerate(texts)
    ]


HELD_BACK = HeldBack(test_fraction=0.2, validation_fraction=0.25)


def assembled(splits, *, refuse=False, drop_duplicates=True):
    origin = Origin(splits=splits, fields=FIELDS, note="Made up.")
    return assemble("toy", origin, HELD_BACK, refuse=refuse, drop_duplicates=drop_duplicates)


def test_rows_of_one_premise_stay_together_and_order_is_kept():
    rows = [
        {"id": str(i), "premise": f"p{i // 3}", "hypothesis": f"h{i}", "label": 0}
        for i in range(300)
    ]
    rest, held = carve(rows, fraction=0.1, most=None, kind="entailment", salt="a")
    assert len(held) == 30
    assert not {row["premise"] for row in rest} & {row["premise"] for row in held}
    for part in (rest, held):
        assert [int(row["id"]) for row in part] == sorted(int(row["id"]) for row in part)
    assert sorted(rest + held, key=lambda row: int(row["id"])) == rows
    assert (rest, held) == carve(rows, fraction=0.1, most=None, kind="entailment", salt="a")
    assert held != carve(rows, fraction=0.1, most=None, kind="entailment", salt="b")[1]


def test_no_more_is_held_back_than_allowed_and_something_always():
    rows = items(*map(str, range(100)))
    assert len(carve(rows, fraction=0.5, most=7, kind="classification", salt="")[1]) == 7
    assert len(carve(rows[:2], fraction=0.1, most=7, kind="classification", salt="")[1]) == 1


def test_a_sample_depends_on_ids_alone_and_keeps_the_order():
    rows = items(*map(str, range(50)))
    taken = sample(rows, 10)
    assert len(taken) == 10
    assert [row for row in rows if row in taken] == taken
    assert sample(rows[::-1], 10) == taken[::-1]
    assert sample(rows, None) == sample(rows, 50) == rows


def test_rows_of_two_splits_are_counted_and_go_from_the_earlier_one():
    splits = {
        "train": items("A  cat", "dog", "cow"),
        "validation": items("dog", "hen"),
        "test": items("a cat", "hen"),
    }
    assert shared_rows(splits) == {"train/validation": 1, "train/test": 1, "validation/test": 1}
    kept, dropped = without_later_rows(splits)
    assert {split: [row["text"] for row in rows] for split, rows in kept.items()} == {
        "train": ["cow"],
        "validation": ["dog"],
        "test": ["a cat", "hen"],
    }
    assert dropped == {"train": 2, "validation": 1}


def test_the_same_pair_the_other_way_round_is_the_same_row():
    one = [{"id": "1", "text_a": "x", "text_b": "y", "label": 1}]
    other = [{"id": "2", "text_a": "Y", "text_b": "x", "label": 1}]
    assert shared_rows({"train": one, "validation": [], "test": other}) == {"train/test": 1}
    one = [{"id": "1", "premise": "x", "hypothesis": "y", "label": 1}]
    other = [{"id": "2", "premise": "y", "hypothesis": "x", "label": 1}]
    assert shared_rows({"train": one, "validation": [], "test": other}) == {}


def test_every_row_is_kept_set_aside_or_dropped(caplog):
    train = [*raws(["a", "b", "c", "d"]), Raw(file="f", number=9, values={"text": "e"})]
    found = assembled(
        {"train": train, "validation": raws(["v"], "v"), "test": raws(["a", "t"], "t")}
    )
    assert found.read == {"train": 5, "validation": 1, "test": 2}
    assert found.set_aside == {"missing_column": 1}
    assert found.samples["missing_column"][0].startswith("f, line 9: {'text': 'e'} (no column")
    assert (found.duplicates, found.dropped) == ({"train/test": 1}, {"train": 1})
    assert [row["text"] for row in found.splits["train"]] == ["b", "c", "d"]
    assert "toy: 1 rows set aside as missing_column, such as f, line 9: {'text'" in caplog.text


def test_duplicates_stay_where_they_are_if_so_wished():
    found = assembled(
        {"train": raws(["a", "b"]), "validation": raws(["v"], "v"), "test": raws(["a"], "t")},
        drop_duplicates=False,
    )
    assert (found.duplicates, found.dropped) == ({"train/test": 1}, {})
    assert len(found.splits["train"]) == 2


def test_missing_splits_are_held_back_from_train():
    found = assembled({"train": raws([f"text {i}" for i in range(100)])})
    sizes = {split: len(rows) for split, rows in found.splits.items()}
    assert sizes == {"train": 60, "validation": 20, "test": 20}
    assert len({row["id"] for rows in found.splits.values() for row in rows}) == 100


def test_only_the_first_rows_of_a_reason_are_samples():
    bad = [Raw(file="f", number=n, values={"text": "x", "label": "9"}) for n in range(5)]
    found = assembled({"train": [*raws([f"t{i}" for i in range(10)]), *bad]})
    assert found.set_aside == {"unknown_label": 5}
    assert len(found.samples["unknown_label"]) == 3


def test_a_split_without_a_usable_row_is_refused_with_an_example():
    bad = [Raw(file="t", number=1, values={"text": "x", "label": ""})]
    with pytest.raises(CorpusError, match=r"no test rows; of 1 rows read none .* t, line 1: "):
        assembled({"train": raws(["a", "b"]), "test": bad})


def test_a_split_that_holding_back_empties_is_not_laid_to_bad_rows():
    bad = Raw(file="f", number=9, values={"text": "x", "label": "9"})
    with pytest.raises(CorpusError, match=r"'toy' has no train rows; give it"):
        assembled({"train": [*raws(["a"]), bad]})


def test_the_first_bad_row_is_an_error_where_none_is_wanted():
    bad = [Raw(file="t", number=7, values={"text": "x", "label": "2"})]
    with pytest.raises(CorpusError, match=r"unknown label '2'.*; t, line 7: \{'text': 'x'"):
        assembled({"train": [*raws(["a"]), *bad]}, refuse=True)
