import sys
from dataclasses import replace

import pytest

from gptpath.config.launch import Launch
from gptpath.config.sections import Compute
from gptpath.errors import ConfigError, TrainingError
from gptpath.events import ignore
from gptpath.train import torchrun
from gptpath.train.checkpoint import History
from gptpath.train.job import TrainingJob, TrainingResult
from gptpath.train.stopping import StopRequested, StopSignal
from gptpath.train.torchrun import torchrun_command, train_under_torchrun
from gptpath.train.validation import Score
from tests.unit.train.conftest import CONFIG, RECIPE

SAY = "import sys; open({path!r}, 'a').write({text!r} + chr(10)); sys.exit({code})"


@pytest.fixture
def job(tmp_path):
    return TrainingJob(
        config=CONFIG,
        recipe=RECIPE,
        seed=1,
        compute=Compute(),
        strategy="fsdp",
        tokens=tmp_path / "tokens",
        tokenizer=tmp_path / "tokenizer",
        scratch=tmp_path,
    )


def ranks_that(monkeypatch, job, *, say="", code=0):
    """Put a process in torchrun's place that tells one line and ends."""
    script = SAY.format(path=str(job.scratch / "events.jsonl"), text=say, code=code)
    monkeypatch.setattr(torchrun, "torchrun_command", lambda *given: [sys.executable, "-c", script])


def train(job, **launch):
    return train_under_torchrun(
        job, Launch(nproc_per_node=2, **launch), stop=StopSignal(), emit=ignore
    )


def test_a_job_is_the_same_for_every_process_that_reads_it(job, tmp_path):
    changed = replace(job, recipe=replace(RECIPE, grad_clip=None, micro_batch_size_sequences=2))
    changed.write(tmp_path / "job.json")
    assert TrainingJob.read(tmp_path / "job.json") == changed


def test_one_node_needs_no_meeting_point(tmp_path):
    command = torchrun_command(Launch(nproc_per_node=3, max_restarts=5), tmp_path / "job.json")
    assert {"--standalone", "--nnodes=1", "--nproc-per-node=3", "--max-restarts=5"} <= set(command)
    assert command[-2:] == ["gptpath.train.worker", str(tmp_path / "job.json")]


def test_other_nodes_are_told_how_to_join(job, monkeypatch, caplog):
    command = torchrun_command(Launch(nnodes=2, rdzv_endpoint="host:29400"), job.scratch / "j")
    assert {"--rdzv-backend=c10d", "--rdzv-endpoint=host:29400"} <= set(command)
    ranks_that(monkeypatch, job, say='{"stopped": 15}')
    with caplog.at_level("INFO", "gptpath"), pytest.raises(StopRequested):
        train(job, nnodes=2, rdzv_endpoint="host:29400")
    assert "on each other node run: env TORCH_" in caplog.text


def test_a_batch_that_does_not_divide_is_refused_before_anything_starts(job, monkeypatch):
    monkeypatch.setattr(torchrun, "_follow", lambda *given: pytest.fail("started"))
    job = replace(job, recipe=replace(RECIPE, batch_size_sequences=3))
    with pytest.raises(ConfigError, match="nearest valid: 2 or 4"):
        train(job)


def test_the_error_of_the_ranks_is_the_error_of_the_stage(job, monkeypatch):
    ranks_that(monkeypatch, job, say='{"failed": "ConfigError", "text": "no such device"}')
    with pytest.raises(ConfigError, match="no such device"):
        train(job)


def test_ranks_that_died_too_often_end_the_stage(job, monkeypatch):
    ranks_that(monkeypatch, job, code=1)
    with pytest.raises(TrainingError, match="exit code 1 after at most 3 restarts"):
        train(job)


def test_ranks_that_end_without_a_result_are_no_success(job, monkeypatch):
    (job.scratch / "result.json").write_text("{}")  # of an earlier attempt
    ranks_that(monkeypatch, job)
    with pytest.raises(TrainingError, match="exit code 0"):
        train(job)


def test_a_restart_that_succeeds_is_no_failure(job, monkeypatch):
    score = Score(loss=2.0, bpb=3.0, tokens=1)
    result = TrainingResult(step=3, final=score, history=History())
    result.write(job.scratch / "kept.json")
    ranks_that(monkeypatch, job, say='{"failed": "CheckpointError", "text": "no room"}')
    [_, _, script] = torchrun.torchrun_command(Launch(), job.scratch)
    kept, found = str(job.scratch / "kept.json"), str(job.scratch / "result.json")
    rename = f"import os; os.rename({kept!r}, {found!r}); "
    monkeypatch.setattr(
        torchrun, "torchrun_command", lambda *given: [sys.executable, "-c", rename + script]
    )
    assert train(job) == result
