import json

import pytest

from gptpath.errors import CorpusError
from gptpath.text.labelled.task_files import (
    TaskSpec,
    read_items,
    read_specs,
    write_specs,
    write_task,
)

SPEC = TaskSpec(
    name="colour",
    kind="classification",
    labels=("red", "blue"),
    columns=("text", "label"),
    description="Which colour?",
)
ABSENT = TaskSpec(
    name="taste", kind="summary", labels=(), columns=("text",), description="x", absent="no taste"
)


def item(n: int, split: str = "train") -> dict[str, object]:
    return {
        "id": f"{n:03d}-0",
        "document": f"d{n}",
        "split": split,
        "text": f"t{n}",
        "label": n % 2,
    }


@pytest.fixture
def folder(tmp_path):
    items = [item(n, ("train", "test", "validation")[n % 3]) for n in (5, 3, 1, 4, 2, 0, 6)]
    write_task(tmp_path, SPEC, items)
    write_specs(tmp_path, [SPEC, ABSENT])
    return tmp_path


def test_specs_come_back_as_written_absent_ones_too(folder):
    assert read_specs(folder) == {"colour": SPEC, "taste": ABSENT}
    assert "absent" not in json.loads((folder / "tasks.json").read_text())[0]


def test_items_of_a_split_come_in_id_order_and_a_limit_takes_the_first(folder):
    assert read_items(folder, "colour", "train") == [item(0), item(3), item(6)]
    assert read_items(folder, "colour", "train", 2) == [item(0), item(3)]
    assert [i["id"] for i in read_items(folder, "colour", "test")] == ["001-0", "004-0"]


def test_the_order_of_items_does_not_change_a_byte(tmp_path):
    items = [item(n) for n in range(9)]
    write_task(tmp_path / "a", SPEC, items)
    write_task(tmp_path / "b", SPEC, items[::-1])
    names = ("a/colour.parquet", "b/colour.parquet")
    assert len({(tmp_path / name).read_bytes() for name in names}) == 1


def test_items_with_other_columns_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="colour"):
        write_task(tmp_path, SPEC, [item(1) | {"extra": 1}])


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("taste", "train", "absent.*no taste"),
        ("smell", "train", "no task 'smell'; known: colour, taste"),
        ("colour", "dev", "unknown split 'dev'.*validation"),
    ],
)
def test_a_wrong_request_says_what_there_is(folder, name, split, message):
    with pytest.raises(CorpusError, match=message):
        read_items(folder, name, split)


def test_missing_and_damaged_files_are_errors(folder, tmp_path_factory):
    with pytest.raises(CorpusError, match="gptpath ingest"):
        read_specs(tmp_path_factory.mktemp("empty"))
    (folder / "colour.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(CorpusError, match="damaged"):
        read_items(folder, "colour", "train")
    (folder / "colour.parquet").unlink()
    with pytest.raises(CorpusError, match="which tasks.json names"):
        read_items(folder, "colour", "train")
    (folder / "tasks.json").write_text('[{"name": "x"}]')
    with pytest.raises(CorpusError, match="damaged"):
        read_specs(folder)
