import pytest

from gptpath.events import Progress, ignore
from gptpath.text.labelled.embedded_tasks import SPECS, derive_tasks
from gptpath.text.labelled.task_files import KEYS, SPLITS, read_items, read_specs


@pytest.fixture(scope="module")
def derived(docstrings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    counts = derive_tasks(docstrings, folder, seed=1, most_items=300, emit=ignore)
    return folder, counts


def test_every_task_comes_out_of_real_docstrings(derived):
    folder, counts = derived
    specs = read_specs(folder)
    assert list(specs) == [spec.name for spec in SPECS]
    assert all(spec.absent is None for spec in specs.values())
    for name, by_split in counts.items():
        assert sum(by_split.values()) <= 300
        for split in SPLITS:
            items = read_items(folder, name, split)
            assert len(items) == by_split[split] > 0
            assert set(items[0]) == {*KEYS, *specs[name].columns}


def test_items_come_from_given_documents_and_no_document_is_in_two_splits(derived, docstrings):
    folder, counts = derived
    given = {document.id for document in docstrings}
    owners: dict[str, set[str]] = {split: set() for split in SPLITS}
    for name in counts:
        for split in SPLITS:
            owners[split] |= {item["document"] for item in read_items(folder, name, split)}
    assert set.union(*owners.values()) <= given
    assert sum(map(len, owners.values())) == len(set.union(*owners.values()))


def test_pairs_stay_together_under_an_even_limit(derived):
    folder, _ = derived
    for name in ("acceptability", "entailment", "summary", "similarity"):
        labels = [item["label"] for item in read_items(folder, name, "train", 20)]
        assert sorted(labels) == [0] * 10 + [1] * 10


def test_two_runs_write_the_same_bytes(derived, docstrings, tmp_path):
    folder, _ = derived
    derive_tasks(docstrings[::-1], tmp_path, seed=1, most_items=300, emit=ignore)
    files = sorted(path.name for path in folder.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert all((folder / n).read_bytes() == (tmp_path / n).read_bytes() for n in files)


def test_a_task_that_cannot_be_made_is_listed_with_its_reason(docstrings, tmp_path):
    one_group = [d for d in docstrings if d.group == "asyncio"]
    counts = derive_tasks(one_group, tmp_path, seed=1, most_items=300, emit=ignore)
    assert "fewer than two packages" in (read_specs(tmp_path)["package"].absent or "")
    assert "package" not in counts
    assert not (tmp_path / "package.parquet").exists()


def test_without_documents_every_task_is_absent(tmp_path):
    events: list[object] = []
    assert derive_tasks([], tmp_path, seed=1, most_items=10, emit=events.append) == {}
    assert all(spec.absent for spec in read_specs(tmp_path).values())
    assert events[-1] == Progress(done=len(SPECS), total=len(SPECS), what="tasks")
