"""Parameters of a flow run that change results: written to params.yaml, where DVC sees them."""

import os
from collections.abc import Sequence
from pathlib import Path

from gptpath.config.loading import profile_text


def write_profile(root: Path, name: str, changes: Sequence[str] = ()) -> None:
    """Make profile `name` with `a.b=value` changes the checkout's params.yaml.

    Raises ConfigError, before anything is written, when the profile or a change is wrong.
    """
    text = profile_text(root / "profiles", name, list(changes))
    path = root / "params.yaml"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
