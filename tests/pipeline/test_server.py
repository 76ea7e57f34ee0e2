"""`make server WORKER=1` in a checkout: both pages answer, and a worker takes what is triggered."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.prefect_server import SECONDS, wait_until
from tests.pipeline.tiny_checkout import ROOT, environment, make_checkout
from tests.team_servers import answers, free_ports

pytestmark = pytest.mark.slow

SMALL = """
name: gptpath
prefect-version: 3.8.8
deployments:
  - name: hello
    entrypoint: flows/hello.py:hello
    work_pool: {name: gptpath}
"""
FLOW = """
import os
from pathlib import Path
from prefect import flow

@flow
def hello():
    Path("said").write_text(os.environ["MLFLOW_TRACKING_URI"])
"""


def post(address: str, body: Any) -> Any:
    data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(address, data, kind)) as answer:
        return json.load(answer)


def started(servers: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert servers.poll() is None, log.read_text()
    return "Interrupt" in log.read_text()


def test_servers_a_pool_and_a_worker_come_from_one_command_and_end_with_it(tmp_path: Path) -> None:
    root = make_checkout(tmp_path / "checkout")
    (root / "prefect.yaml").write_text(SMALL)
    (root / "flows" / "hello.py").write_text(FLOW)
    mlflow, prefect = free_ports(2)
    ports = {"GPTPATH_MLFLOW_PORT": str(mlflow), "GPTPATH_PREFECT_PORT": str(prefect)}
    log = (root / "server.log").open("w+")
    command = [sys.executable, "-m", "tasks.pages", "--worker"]
    outer = environment(root) | ports
    outer["PYTHONPATH"] += os.pathsep + str(root)
    servers = subprocess.Popen(command, cwd=root, env=outer, stdout=log, stderr=log)
    try:
        api = f"http://127.0.0.1:{prefect}/api"
        wait_until(lambda: started(servers, root / "server.log"), SECONDS)
        [hello] = post(f"{api}/deployments/filter", {})
        post(f"{api}/deployments/{hello['id']}/create_flow_run", {})
        wait_until((root / "said").is_file, SECONDS)
        assert (root / "said").read_text() == f"http://127.0.0.1:{mlflow}"
        wait_until(lambda: answers(f"http://127.0.0.1:{mlflow}/health"), SECONDS)
        said = (root / "server.log").read_text()
        assert f"export PREFECT_API_URL={api}" in said
        assert re.search(rf"^MLFLOW +http://127.0.0.1:{mlflow}$", said, re.M)
        assert re.search(rf"^PREFECT +http://127.0.0.1:{prefect}$", said, re.M)
    finally:
        servers.send_signal(signal.SIGINT)
        servers.wait(timeout=60)
        log.close()
    assert servers.returncode == 0
    wait_until(lambda: not answers(f"{api}/health"), SECONDS)
    wait_until(lambda: not answers(f"http://127.0.0.1:{mlflow}/health"), SECONDS)


def test_every_pool_of_the_deployments_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import pages

    named = re.findall(r"name: (gptpath\S*)$", (ROOT / "prefect.yaml").read_text(), re.M)
    assert pages.pools() <= set(named)
    assert "gptpath" in pages.pools()


def test_a_server_that_the_environment_names_is_used_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tasks import pages

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://team:secret@10.0.0.5:5000")
    monkeypatch.setenv("PREFECT_API_URL", "http://10.0.0.5:4200/api")
    assert pages.commands() == {}
    assert [pages.page(at) for at in pages.addresses().values()] == [
        "http://10.0.0.5:5000",
        "http://10.0.0.5:4200",
    ]
