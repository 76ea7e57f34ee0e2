"""What a sweep and its workers hand to each other."""

import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gptpath.errors import PipelineError
from tasks import handover
from tasks.git import ask_git
from tasks.handover import (
    Standing,
    fetch_inputs,
    lock_entries,
    read_standing,
    require_shared_inputs,
    take_entries,
    take_standing,
)

DVC_YAML = """
stages:
  ingest: {cmd: a, deps: [raw], outs: [data/corpus]}
  train:
    matrix: {model: [m]}
    cmd: b
    deps: [data/corpus, data/own, src/code.py]
    outs: ["models/${item.model}"]
  score:
    matrix: {model: [m]}
    cmd: c
    deps: ["models/${item.model}"]
    outs: ["scores/${item.model}"]
"""
LOCK = """\
schema: '2.0'
stages:
  ingest:
    cmd: a
    outs:
    - path: data/corpus
      hash: md5
      md5: {md5}
      size: 3
"""


@pytest.fixture(autouse=True)
def _git_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@b")


@pytest.fixture
def main(tmp_path: Path) -> Path:
    root = tmp_path / "main"
    for folder in ("src", "data/own", "data/corpus"):
        (root / folder).mkdir(parents=True)
    texts = {
        "dvc.yaml": DVC_YAML,
        "dvc.lock": LOCK.format(md5="1" * 32),
        "params.yaml": (Path(__file__).parents[3] / "params.yaml").read_text(),
        "src/code.py": "",
        "data/own/read.me": "",
        ".gitignore": "/data/corpus\n/data/own/*.txt\n",
    }
    for name, text in texts.items():
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    ask_git(root, "add", "-A")
    ask_git(root, "commit", "--quiet", "-m", "Start")
    return root


@pytest.fixture
def worker(main: Path) -> Path:
    root = main.parent / "worker"
    subprocess.run(["git", "clone", "-q", main, root], check=True)
    return root


def test_a_worker_gets_to_where_the_sweep_stands(main: Path, worker: Path) -> None:
    (main / "src" / "code.py").write_text("new\n")
    ask_git(main, "commit", "--quiet", "-am", "New code")
    (main / "dvc.lock").write_text(LOCK.format(md5="2" * 32))
    (worker / "dvc.lock").write_text("left by an earlier model\n")
    take_standing(worker, read_standing(main))
    assert (worker / "src" / "code.py").read_text() == "new\n"
    assert (worker / "dvc.lock").read_text() == LOCK.format(md5="2" * 32)


def test_code_that_workers_cannot_get_is_refused(main: Path) -> None:
    (main / "src" / "code.py").write_text("unfinished\n")
    with pytest.raises(PipelineError, match=r"src/code\.py not committed"):
        read_standing(main)


def test_a_commit_that_was_never_pushed_is_named(main: Path, worker: Path) -> None:
    standing = Standing(revision="f" * 40, params="", lock="")
    with pytest.raises(PipelineError, match=f"{'f' * 40} is not in .*main; push it"):
        take_standing(worker, standing)


def test_a_workers_own_changes_are_not_thrown_away(main: Path, worker: Path) -> None:
    (worker / "src" / "code.py").write_text("an experiment\n")
    with pytest.raises(PipelineError, match=r"src/code\.py not committed"):
        take_standing(worker, Standing(revision="f" * 40, params="", lock=""))
    assert (worker / "src" / "code.py").read_text() == "an experiment\n"


def test_data_that_nobody_else_can_get_is_named(main: Path) -> None:
    (main / "data" / "corpus" / "shard").write_text("made by a stage: it goes through the remote")
    require_shared_inputs(main, ["train@m"])
    (main / "data" / "own" / "words.txt").write_text("downloaded by hand")
    with pytest.raises(PipelineError, match=r"data/own/words\.txt is an input that workers cannot"):
        require_shared_inputs(main, ["train@m"])
    (main / "data" / "own" / "words.txt.dvc").write_text("outs: []\n")
    ask_git(main, "add", "data/own/words.txt.dvc")
    require_shared_inputs(main, ["train@m"])
    (main / "data" / "own" / "words.txt.new.txt").write_text("not what DVC holds")
    with pytest.raises(PipelineError, match=r"data/own/words\.txt\.new\.txt is an input"):
        require_shared_inputs(main, ["train@m"])


def test_data_of_any_name_is_known_to_be_held_by_dvc(
    main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (main / "data" / "own" / "bücher.txt").write_text("downloaded by hand")
    (main / "data" / "own" / "bücher.txt.dvc").write_text("outs: []\n")
    ask_git(main, "add", "data/own/bücher.txt.dvc")
    require_shared_inputs(main, ["train@m"])
    asked: list[str] = []
    monkeypatch.setattr(handover, "ask_dvc", lambda root, *arguments: asked.extend(arguments))
    fetch_inputs(main, ["train@m"])
    assert "data/own/bücher.txt.dvc" in asked


def test_what_the_stages_make_themselves_need_not_be_shared(main: Path) -> None:
    (main / "models" / "m").mkdir(parents=True)
    (main / "models" / "m" / "weights").write_text("of a run without DVC")
    require_shared_inputs(main, ["train@m", "score@m"])
    with pytest.raises(PipelineError, match="models/m/weights is an input"):
        require_shared_inputs(main, ["score@m"])


def test_entries_come_back_as_dvc_writes_them(
    main: Path, worker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[tuple[str, ...]] = []
    monkeypatch.setattr(handover, "ask_dvc", lambda root, *words: fetched.append(words))
    entry = LOCK.format(md5="3" * 32).replace("ingest", "train@m").split("stages:\n")[1]
    (worker / "dvc.lock").write_text(LOCK.format(md5="9" * 32) + entry)
    take_entries(main, [lock_entries(worker, ["train@m"])])
    assert (main / "dvc.lock").read_text() == LOCK.format(md5="1" * 32) + entry
    assert fetched == [("pull", "--force", "train@m")]
    assert list(YAML(typ="safe").load(main / "dvc.lock")["stages"]) == ["ingest", "train@m"]
