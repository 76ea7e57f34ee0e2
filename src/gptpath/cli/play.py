"""`gptpath play`: the page for typing prompts, served on this machine."""

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from gptpath.cli.models import MODEL_HELP
from gptpath.errors import ConfigError

QUIET = {
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": "false",
    "server.fileWatcherType": "none",
    "server.headless": "true",
}
"""Settings of Streamlit: it reports nothing to anybody, and starts no browser by itself."""


def add_command(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser("play", help="a page for trying the models in a browser")
    command.add_argument("--model", help=f"offered first: {MODEL_HELP.partition(';')[0]}")
    command.add_argument("--port", type=int, default=8501, help="default 8501")
    command.add_argument(
        "--host",
        default="127.0.0.1",
        help="default: this machine alone; the page asks nobody for a password",
    )


def run_play(root: Path, options: argparse.Namespace) -> None:
    """Become Streamlit's server."""
    if importlib.util.find_spec("streamlit") is None:
        raise ConfigError("the page needs streamlit: `make play`, or pip install 'gptpath[play]'")
    settings = QUIET | {"server.address": options.host, "server.port": str(options.port)}
    page = Path(__file__).parents[1] / "play" / "page.py"
    command = [sys.executable, "-m", "streamlit", "run", str(page)]
    command += [f"--{name}={value}" for name, value in settings.items()]
    command += ["--", str(root.resolve()), *([options.model] if options.model else [])]
    sys.stdout.flush()
    os.execv(sys.executable, command)
