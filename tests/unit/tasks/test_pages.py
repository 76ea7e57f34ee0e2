import signal
import sys
from collections.abc import Iterator

import pytest

from tasks import pages

SHOW = "import signal; print(signal.getsignal(signal.SIGINT))"


@pytest.fixture
def background() -> Iterator[None]:
    """As a script starts what it does not wait for: SIGINT is ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("background")
def test_what_is_started_in_the_background_can_still_be_interrupted(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "commands", lambda: {"a server": [sys.executable, "-c", SHOW]})
    assert pages.main([]) == 0
    assert "default_int_handler" in capfd.readouterr().out
