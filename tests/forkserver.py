"""Processes that start in a moment: forked from a server that has imported what they need."""

import multiprocessing

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(
    [
        "pytest",
        "torch._dynamo",  # the first optimiser imports it
        "torch.distributed.fsdp",
        "torch.distributed.device_mesh",
        "gptpath.stages.pretrain",
        "tests.fault.pretrain_checkout",
        "tests.parity.ranks",
    ]
)
