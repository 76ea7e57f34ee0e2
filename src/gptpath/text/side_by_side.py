"""Work over shards through an executor, with progress."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import TypeVar

from gptpath.events import Emit, Progress

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def run_all(
    executor: Executor,
    function: Callable[[Argument], Result],
    arguments: Sequence[Argument],
    *,
    emit: Emit,
    what: str,
) -> list[Result]:
    """Results of `function` in the order of `arguments`; the first error ends it."""
    futures: list[Future[Result]] = [executor.submit(function, one) for one in arguments]
    try:
        for done, future in enumerate(futures, start=1):
            future.result()
            emit(Progress(done=done, total=len(futures), what=what))
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
