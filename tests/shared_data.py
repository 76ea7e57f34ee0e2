"""Where real public data for tests lies: beside the checkout, or where a variable says."""

import os
from pathlib import Path

REAL = Path(os.environ.get("GPTPATH_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Tests that read it skip where it is absent."""
