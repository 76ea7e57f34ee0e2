"""All that MLflow finds, which it hands out page by page."""

from collections.abc import Callable, Iterator
from typing import Any

PAGE = 1000
"""Entries asked for at a time: the most that MLflow's servers allow in every search."""


def every(search: Callable[..., Any], *arguments: Any, **filters: Any) -> Iterator[Any]:
    """What `search`, a search method of MLflow's client, finds with these arguments, to the end."""
    token: str | None = None
    while True:
        page = search(*arguments, **filters, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
