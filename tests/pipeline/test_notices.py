"""A notice goes through a real block of a real Prefect server, and to a webhook."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.tiny_checkout import ROOT, run

pytestmark = pytest.mark.slow

TELL = """
import sys
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from tasks.notices import notify

@flow
def tell(address):
    block = CustomWebhookNotificationBlock(
        name="ops", url=address, method="POST", json_data={"said": "{{body}}"}
    )
    block.save("ops")
    assert notify("one model", block="custom-webhook/ops")
    assert not notify("nobody hears", block="custom-webhook/absent")

tell(sys.argv[1])
"""


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    got: list[dict[str, Any]] = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Keep)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    thread.join()
    server.server_close()


def test_both_ways_are_taken_and_a_block_that_is_not_there_costs_a_warning(
    server: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    address, got = server
    (tmp_path / "prefect.toml").write_text((ROOT / "prefect.toml").read_text())
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / "tasks").symlink_to(ROOT / "tasks")
    done = run(tmp_path, sys.executable, "-c", TELL, address, GPTPATH_WEBHOOK_URL=address)
    assert "the notice could not be sent" in done.stderr
    assert got == [
        {"said": "one model"},
        {"text": "one model", "decisions": []},
        {"text": "nobody hears", "decisions": []},
    ]
