"""`tokenizer` and `encode` killed half way end with the bytes of a run never killed."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault.encode_checkout import SHARDS, write_checkout

SCRIPT = Path(__file__).with_name("encode_checkout.py")


def start(root, stage, *arguments):
    """Run a stage to its end; returns its exit code."""
    return subprocess.run(
        [sys.executable, SCRIPT, root, stage, *arguments], timeout=120, check=False, env=os.environ
    ).returncode


def digests(root):
    """Of everything a stage leaves, its scratch folder's lock apart."""
    files = [path for path in root.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkout")
    write_checkout(root)
    return root


@pytest.fixture(scope="module")
def tokenized(checkout):
    root = checkout.with_name(f"{checkout.name}-tokenized")
    shutil.copytree(checkout, root)
    assert start(root, "tokenizer") == 0
    return root


@pytest.fixture(scope="module")
def encoded(tokenized):
    root = tokenized.with_name(f"{tokenized.name}-encoded")
    shutil.copytree(tokenized, root)
    assert start(root, "encode") == 0
    return root


@pytest.mark.parametrize("done", ["0", "1"])
def test_a_tokenizer_killed_half_way_ends_with_the_same_bytes(checkout, tokenized, tmp_path, done):
    root = Path(shutil.copytree(checkout, tmp_path / "root"))
    assert start(root, "tokenizer", "kill-at", done) == -signal.SIGKILL
    assert not (root / "metrics").exists()
    assert start(root, "tokenizer") == 0
    assert digests(root) == digests(tokenized)


@pytest.mark.parametrize("done", ["1", "4"])
def test_encoding_killed_half_way_repeats_no_finished_shard(tokenized, encoded, tmp_path, done):
    root = Path(shutil.copytree(tokenized, tmp_path / "root"))
    assert start(root, "encode", "kill-at", done) == -signal.SIGKILL
    assert not (root / "data" / "tokens").exists()
    [work] = [path for path in (root / ".scratch" / "encode").iterdir() if path.is_dir()]
    finished = finished_files(work)
    assert len(list((work / "records").glob("*.json"))) >= int(done)
    assert start(root, "encode") == 0
    assert digests(root) == digests(encoded)
    for name, stamp in finished.items():
        assert (root / "data" / "tokens" / name).stat().st_mtime_ns == stamp


def finished_files(work):
    """When each file of a finished shard was written."""
    names = []
    for path in (work / "records").glob("*.json"):
        summary = json.loads(path.read_text())["summary"]
        names += [entry["file"] for entry in [*summary["shards"], *summary["document_files"]]]
    return {name: (work / "tokens" / name).stat().st_mtime_ns for name in names}


def test_what_killed_writers_leave_behind_is_not_published(tokenized, encoded, tmp_path):
    root = Path(shutil.copytree(tokenized, tmp_path / "root"))
    assert start(root, "encode", "kill-at", "1") == -signal.SIGKILL
    [tokens] = (root / ".scratch" / "encode").glob("*/tokens")
    (tokens / ".train-00000-00000.tokens.0a1b2c3d.tmp").write_bytes(b"half")
    assert start(root, "encode") == 0
    assert digests(root) == digests(encoded)


def test_the_checkout_has_shards_enough_to_be_killed_between(encoded):
    index = json.loads((encoded / "data" / "tokens" / "index.json").read_text())
    assert len(index["splits"]["train"]["document_files"]) == SHARDS
