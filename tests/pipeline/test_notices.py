"""A notice goes through a real block of a real Prefect server, and to a webhook."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.tiny_checkout import ROOT, run
from tests.pipeline.webhook import Webhook, listening

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
def server() -> Iterator[Webhook]:
    with listening() as webhook:
        yield webhook


def test_both_ways_are_taken_and_a_block_that_is_not_there_costs_a_warning(
    server: Webhook, tmp_path: Path
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
