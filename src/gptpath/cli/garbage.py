"""What keeps a checkout tidy: `gptpath gc` and `gptpath deliver`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from gptpath.errors import PipelineError


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    commands.add_parser(
        "deliver", help="send MLflow what it could not take before: numbers, models, ends of runs"
    )
    command = commands.add_parser(
        "gc", help="remove what no alias, tag or branch needs: scratch, cache, versions, runs"
    )
    command.add_argument("--dry-run", action="store_true", help="only show what would go")


def run_gc(root: Path, options: argparse.Namespace) -> None:
    """List everything first, then remove it unless asked not to."""
    from gptpath.config.loading import load_params
    from gptpath.retention.collection import find_leftovers

    found = find_leftovers(root, load_params(root / "params.yaml").retention)
    for one in found:
        sys.stdout.write(f"{one.kind:<8} {one.size_bytes:>15,} bytes  {one.what}\n")
    total = sum(one.size_bytes for one in found)
    if options.dry_run or not found:
        sys.stdout.write(f"{total:,} bytes could go; nothing was removed\n")
        return
    sys.stdout.flush()
    for one in found:
        one.remove()
    sys.stdout.write(f"{total:,} bytes removed\n")


def run_deliver(root: Path, options: argparse.Namespace) -> None:
    """Send what `.scratch/outbox` holds; PipelineError names what MLflow does not take."""
    from gptpath.tracking.delivery import deliver_leftovers
    from gptpath.tracking.store import open_client

    del options
    done = deliver_leftovers(open_client(root), root, refused=True)
    sys.stdout.write(f"delivered what {done.delivered} runs had left\n")
    if done.left:
        raise PipelineError(
            f"{len(done.left)} runs still have something in {done.left[0].parent}; "
            "the lines above say what MLflow answers"
        )
