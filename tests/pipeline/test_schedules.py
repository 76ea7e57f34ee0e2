"""The deployment files on a real Prefect server, and the pull steps of a clone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.prefect_server import SECONDS, Server, serving, wait_until
from tests.pipeline.tiny_checkout import ROOT, commit, make_checkout, run

pytestmark = pytest.mark.slow

RUN = "11111111-2222-3333-4444-555555555555"
PULL = """
import asyncio, pathlib, sys
from prefect.deployments.steps.core import run_steps
from ruamel.yaml import YAML

steps = YAML(typ="safe").load(pathlib.Path(sys.argv[1]))["pull"]
asyncio.run(run_steps(steps))
print(pathlib.Path.cwd())
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


def test_all_is_deployed_and_the_nightly_retraining_is_scheduled(server: Server) -> None:
    for pool in ("gptpath", "gptpath-models"):
        server.make_pool(pool)
    template = "--base-job-template", "deploy/pools/kubernetes-gpu.json"
    server.prefect("work-pool", "create", "gptpath-gpus", "--type", "kubernetes", *template)
    template = "--base-job-template", "deploy/pools/docker-gpu.json"
    server.prefect("work-pool", "create", "gptpath-docker", "--type", "docker", *template)
    server.prefect("deploy", "--all")
    server.prefect("deploy", "--prefect-file", "deploy/prefect-clone.yaml", "--all")
    deployed = {one["name"]: one for one in server.ask("deployments/filter", {})}
    here, cloned = {"laptop", "nightly", "sweep"}, {"clone", "clone-nightly"}
    assert set(deployed) == here | cloned | {"worker", "clone-worker"}
    for name in here | cloned:
        assert deployed[name]["global_concurrency_limit"]["limit"] == 1
    wait_until(lambda: server.runs("retrain/nightly"), SECONDS)
    runs = server.runs("retrain/nightly")
    with pytest.raises(OSError, match="Conflict|Unprocessable"):
        server.start_run("scaling-sweep/sweep", models="not a list")
    assert {run["state_type"] for run in runs} == {"SCHEDULED"}
    assert all("T03:00:00" in run["expected_start_time"] for run in runs)


def test_a_clone_has_what_the_remote_has_and_the_same_run_finds_it_again(
    server: Server, tmp_path: Path
) -> None:
    origin = make_checkout(tmp_path / "origin", books=3)
    dvc = (sys.executable, "-m", "dvc")
    (origin / "words.txt").write_text("of a person's own\n")
    run(origin, *dvc, "remote", "add", "-q", "-d", "team", str(tmp_path / "remote"))
    run(origin, *dvc, "add", "-q", "words.txt")
    run(origin, *dvc, "push", "-q")
    commit(origin, "Data in the remote")
    checkout = tmp_path / "all" / RUN / "checkout"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PULL, str(ROOT / "deploy/prefect-clone.yaml")],
            cwd=tmp_path,
            env=server.environment
            | {
                "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
                "GPTPATH_CHECKOUTS": str(tmp_path / "all"),
                "GPTPATH_REPOSITORY": str(origin),
                "GPTPATH_BRANCH": "main",
                "PREFECT__FLOW_RUN_ID": RUN,
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == str(checkout)
        assert (checkout / "words.txt").read_text() == "of a person's own\n"
        (checkout / ".scratch").mkdir(exist_ok=True)
    assert (checkout / ".scratch").is_dir(), "the second time it was cloned anew"
    assert (tmp_path / "all/cache/files/md5").is_dir()
