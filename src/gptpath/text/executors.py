"""Where the work over units and shards runs: a pool of processes, or a Dask cluster.

Both are a `concurrent.futures.Executor`; nothing else of the library knows which one it is.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TypeVar, cast

from gptpath.config.sections import Parallel
from gptpath.errors import ConfigError, PipelineError
from gptpath.events import Emit, Progress

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_CONNECT_SECONDS = 30
_EVENTS = 50
"""Most progress events of one batch of work."""


@contextmanager
def open_executor(parallel: Parallel) -> Generator[Executor]:
    """Open what the section `parallel` asks for; it ends with the context, a cluster stays.

    Raises ConfigError when the cluster or its client library is not there.
    """
    if parallel.engine == "dask":
        assert parallel.address is not None, "checked by Parallel"
        with _cluster(parallel.address) as executor:
            yield executor
        return
    # Threads of Polars do not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    workers = parallel.workers or len(os.sched_getaffinity(0))
    executor = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_prepare_worker)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _prepare_worker() -> None:
    """One core a process; and no process outlives the one that started it, however that died."""
    os.environ["POLARS_MAX_THREADS"] = "1"  # read when Polars is imported, by the first task
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in a worker"

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _cluster(address: str) -> Generator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            "parallel.engine=dask needs the package distributed: pip install 'gptpath[dask]'"
        ) from None
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"no Dask scheduler answers at parallel.address={address} ({error}); start one with "
            "`dask scheduler` and `dask worker`, or set parallel.engine to local"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        except TimeoutError:
            raise ConfigError(
                f"the Dask scheduler at parallel.address={address} has no workers; start some "
                f"with `dask worker {address}`"
            ) from None
        _refuse_other_software(cast("dict[str, dict[str, str]]", client.run(_software)))
        with client.get_executor(pure=False) as executor:
            yield executor


def _software() -> dict[str, str]:
    from gptpath.text.scratch import software

    return software()


def _refuse_other_software(found: Mapping[str, Mapping[str, str]]) -> None:
    """Raise ConfigError unless all workers run what this process runs: bytes would differ."""
    own = _software()
    for worker, theirs in sorted(found.items()):
        if theirs != own:
            raise ConfigError(
                f"the Dask worker {worker} runs {dict(theirs)}, but this process {own}; install "
                "the same versions on all machines (requirements.lock) and the same commit"
            )


def run_all(
    executor: Executor,
    function: Callable[[Argument], Result],
    arguments: Sequence[Argument],
    *,
    emit: Emit,
    what: str,
) -> list[Result]:
    """Results of `function` in the order of `arguments`, in whatever order they were done.

    The first error ends it, and what has not begun is not begun. A cluster repeats the work of a
    worker that is lost; raises PipelineError if that fails, or if a local process dies.
    """
    futures: list[Future[Result]] = [executor.submit(function, one) for one in arguments]
    try:
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            if done == len(futures) or done * _EVENTS // len(futures) > (
                (done - 1) * _EVENTS // len(futures)
            ):
                emit(Progress(done=done, total=len(futures), what=what))
        return [future.result() for future in futures]
    except BrokenExecutor as error:
        raise PipelineError(
            f"a worker process died while doing {what} ({error}); if memory ran out, lower "
            "parallel.workers. Run again: what is finished is kept"
        ) from None
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # of distributed, which may not be installed
            raise PipelineError(
                f"workers of the cluster died again and again while doing {what} ({error}); give "
                "them more memory. Run again: what is finished is kept"
            ) from None
        raise
    finally:
        for future in futures:
            future.cancel()
