"""Headless Chromium for tests of pages, where Playwright and a Chromium are installed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
SCREENSHOTS = "GPTPATH_SCREENSHOTS"
"""Environment variable: a folder for pictures of the pages, for people to look at."""
WIDTHS = {1280: 900, 390: 844}
"""Width -> height of a desk's and a telephone's window, pixels."""


@contextmanager
def browsing(width: int) -> Iterator[Any]:
    """A page of a browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no {' or '.join(NAMES)} is installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": WIDTHS[width]})
        page.set_default_timeout(60_000)
        try:
            yield page
        finally:
            browser.close()


def hosts_asked_by(page: Any) -> set[str]:
    """Hosts that the page turns to from now on, by requests and sockets; filled as it does."""
    hosts: set[str] = set()

    def note(request: Any) -> None:
        if urlsplit(request.url).scheme in ("http", "https", "ws", "wss"):
            hosts.add(urlsplit(request.url).hostname or "")

    page.on("request", note)
    page.on("websocket", note)
    return hosts


def picture(page: Any, name: str) -> None:
    """Keep a picture of the page if somebody wants to look."""
    if folder := os.environ.get(SCREENSHOTS):
        width = page.viewport_size["width"]
        page.set_viewport_size({"width": width, "height": 1800})
        page.wait_for_timeout(1000)
        page.screenshot(path=str(Path(folder) / f"{name}-{width}.png"))
        page.set_viewport_size({"width": width, "height": WIDTHS[width]})
