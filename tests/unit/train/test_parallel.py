import socket
from dataclasses import replace

import pytest
import torch
from torch import nn

from gptpath.errors import ConfigError, TokenError
from gptpath.model.build import build_model
from gptpath.train.parallel import (
    ALONE,
    Parallel,
    SharedStop,
    check_division,
    joined,
    rank_device,
    whole_model,
    wrap,
)
from gptpath.train.stopping import StopRequested, StopSignal
from tests.unit.train.conftest import CONFIG


@pytest.fixture
def one_rank(monkeypatch):
    """A group of one rank in this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(port))
    with joined("ddp", "cpu") as parallel:
        yield parallel


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("count", [0, 1, 5, 12, 13])
def test_every_row_is_exactly_one_ranks(count, ranks):
    rows = [list(Parallel(rank=rank, ranks=ranks).rows(count)) for rank in range(ranks)]
    assert [row for part in rows for row in part] == list(range(count))


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [4, 5, 13])
def test_rows_are_divided_as_torch_divides_a_tensor(count, ranks):
    expected = [part.tolist() for part in torch.arange(count).chunk(ranks)]
    rows = [list(Parallel(rank=rank, ranks=ranks).rows(count)) for rank in range(ranks)]
    assert [part for part in rows if part] == expected


@pytest.mark.parametrize(("batch", "micro", "ranks"), [(8, None, 4), (8, 2, 4), (6, 1, 3)])
def test_a_batch_of_equal_shares_is_accepted(batch, micro, ranks):
    check_division(batch, micro, ranks)


@pytest.mark.parametrize(
    ("batch", "micro", "ranks", "message"),
    [
        (10, None, 4, "batch_size_sequences=10 does not divide among 4 ranks.*: 8 or 12"),
        (12, 2, 4, "micro_batch_size_sequences=2; nearest valid: 8 or 16"),
        (3, None, 4, "nearest valid: 4,"),
    ],
)
def test_a_batch_of_unequal_shares_is_refused_with_the_nearest_that_fit(
    batch, micro, ranks, message
):
    with pytest.raises(ConfigError, match=message):
        check_division(batch, micro, ranks)


def test_a_process_on_its_own_agrees_with_itself():
    def fail():
        raise TokenError("no tokens")

    assert ALONE.agree(lambda: 5) == 5
    assert ALONE.gather("x") == ["x"]
    with pytest.raises(TokenError):
        ALONE.agree(fail)


def test_a_process_on_its_own_wraps_nothing():
    model = build_model(CONFIG, seed=0)
    assert wrap(model, model, ALONE) is model
    assert whole_model(model, ALONE) is model


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match=r"process 3, but this machine has 2 CUDA devices"):
        rank_device("cuda", 2)


def test_a_request_takes_effect_one_check_later_by_the_votes_of_all(one_rank):
    own = StopSignal()
    shared = SharedStop(own, one_rank.group)
    shared.check()
    own.tell(15)
    shared.check()  # votes
    with pytest.raises(StopRequested) as raised:
        shared.check()
    assert raised.value.code == 143


def test_ranks_exchange_gradients_once_a_step_however_many_micro_batches(one_rank, make_trainer):
    trainer = make_trainer(micro_batch_size_sequences=1, parallel=one_rank)
    module = trainer._objective
    assert isinstance(module, nn.parallel.DistributedDataParallel)
    exchanged = []

    def count(state, bucket):
        exchanged.append(bucket.index())
        done = torch.futures.Future()
        done.set_result(bucket.buffer())
        return done

    module.register_comm_hook(None, count)
    for _ in range(3):
        trainer._update()
        trainer.step += 1
    assert exchanged.count(0) == 3


def test_sharded_ranks_exchange_gradients_in_the_last_micro_batch(
    one_rank, make_trainer, monkeypatch
):
    sharded = replace(one_rank, strategy="fsdp")
    trainer = make_trainer(micro_batch_size_sequences=1, parallel=sharded)
    seen, original = [], type(trainer._objective).set_requires_gradient_sync
    monkeypatch.setattr(
        type(trainer._objective),
        "set_requires_gradient_sync",
        lambda self, wanted: seen.append(wanted) or original(self, wanted),
    )
    trainer._update()
    assert seen == [False, False, False, True]
