"""Which GPUs of a host a stage may use: those that no other stage of any checkout has taken.

One lock file for each GPU, in a folder of the host. The kernel frees the locks of a process that
dies. Without a GPU nothing is locked.
"""

import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO

from gptpath.config.params import Params
from gptpath.stages.log_lines import GPU_FOUND, GPU_WAIT
from gptpath.train.nvml import boards

logger = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""CUDA's own variable: the devices that a process may use."""
LIST = "GPTPATH_GPUS"
"""Environment variable: the GPUs to share out, instead of all that CUDA would see."""
FOLDER = "GPTPATH_GPU_LOCKS"
"""Environment variable: where the lock files are; `gptpath-gpus` in the temporary folder."""


def gpus_needed(params: Params, stage: str) -> int:
    """How many GPUs the stage takes on this host, if it has some."""
    if stage not in ("pretrain", "finetune", "zeroshot") or params.compute.device == "cpu":
        return 0
    return params.launch.nproc_per_node if stage == "pretrain" else 1


@contextmanager
def reserved_gpus(count: int, *, poll_seconds: float = 0.5) -> Generator[tuple[str, ...]]:
    """Take `count` GPUs and make CUDA see them alone; waits until so many are free.

    Must be entered before CUDA is used in this process, whose children inherit the choice. Gives
    the devices as CUDA calls them, none where the host has none. Where it has fewer than `count`,
    all are taken, and whoever needs more says so.
    """
    found = usable_gpus() if count else {}
    if not found:
        yield ()
        return
    count = min(count, len(found))
    with ExitStack() as held:
        taken = _take(found, count, held)
        if taken is None:
            logger.info(GPU_WAIT, count, len(found))
        while taken is None:
            time.sleep(poll_seconds)
            taken = _take(found, count, held)
        before = os.environ.get(VISIBLE)
        os.environ[VISIBLE] = ",".join(taken)
        logger.info(GPU_FOUND, ", ".join(taken), ", ".join(found))
        try:
            yield taken
        finally:
            if before is None:
                del os.environ[VISIBLE]
            else:
                os.environ[VISIBLE] = before


def usable_gpus() -> dict[str, str]:
    """GPU as CUDA calls it -> a name that is the same in every process of the host.

    An index names another board in another job, so boards go by their UUID where it is known.
    """
    uuids = _uuids()
    named = os.environ.get(LIST, os.environ.get(VISIBLE))
    if named is None:
        return {uuid: uuid for uuid in uuids}
    words = [word.strip() for word in named.split(",") if word.strip()]
    if LIST not in os.environ and "-1" in words:
        return {}  # CUDA sees nothing from there on; a list that begins so means none
    numbered = {str(index): uuid for index, uuid in enumerate(uuids)}
    return {word: numbered.get(word, word) for word in words}


def _take(gpus: Mapping[str, str], count: int, held: ExitStack) -> tuple[str, ...] | None:
    """Try once to lock `count` GPUs: all of them, or none."""
    folder = Path(os.environ.get(FOLDER) or Path(tempfile.gettempdir()) / "gptpath-gpus")
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o1777)  # for other users of the host, as the temporary folder itself
    taken: list[str] = []
    with ExitStack() as locks:
        # Two that want several would else each hold a part and wait for the other.
        locks.enter_context(closing(_lock(folder / "choosing.lock", wait=True)))
        chosen = locks.enter_context(ExitStack())
        for name, board in gpus.items():
            try:
                file = _lock(folder / f"{board.replace('/', '-')}.lock", wait=False)
            except BlockingIOError:
                continue
            chosen.enter_context(closing(file))
            taken.append(name)
            if len(taken) == count:
                held.push(chosen.pop_all())
                return tuple(taken)
    return None


def _lock(path: Path, *, wait: bool) -> IO[str]:
    # Read alone is enough for a lock, and is allowed on what another user has made; asking for a
    # file to be made where there is one may not be (Linux's fs.protected_regular).
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor)


def _uuids() -> list[str]:
    """UUIDs of the NVIDIA boards of this host; none where one is split into MIG instances."""
    found = boards()
    return [] if any(board.split for board in found) else [board.uuid for board in found]
