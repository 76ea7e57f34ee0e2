"""The command `gptpath gc`: shows what may go, with its bytes, and removes it."""

import argparse
import sys
from pathlib import Path
from typing import Any


def add_command(commands: Any) -> None:
    """Declare the command."""
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
