"""Parameters of a flow run that change results: written to params.yaml, where DVC sees them."""

import os
from collections.abc import Sequence
from pathlib import Path

from gptpath.config.loading import profile_text
from gptpath.errors import ConfigError


def write_profile(root: Path, name: str | None, changes: Sequence[str] | None) -> None:
    """Make profile `name` with `a.b=value` changes the checkout's params.yaml; None leaves it.

    Raises ConfigError, before anything is written, when the profile or a change is wrong, or
    when there are changes of no profile.
    """
    if name is None:
        if changes:
            raise ConfigError(
                f"changes={list(changes)}, but no profile that they change; name it by profile, "
                "or edit params.yaml"
            )
        return
    text = profile_text(root / "profiles", name, list(changes or ()))
    path = root / "params.yaml"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
