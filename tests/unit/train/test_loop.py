from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gptpath.config.presets import gpt1_laptop, lstm_laptop
from gptpath.errors import ConfigError, TrainingError
from gptpath.events import CheckpointSaved, Evaluated, StepFinished
from gptpath.train.loop import dropout_seed
from gptpath.train.parallel import Parallel


def weights(trainer):
    return trainer.model.state_dict()


def assert_equal_weights(first, second):
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_training_lowers_the_held_out_loss(make_trainer):
    trainer = make_trainer(steps=60, learning_rate=1e-2)
    final = trainer.run()
    assert trainer.history.validation[0]["loss"] == pytest.approx(4.16, abs=0.25)  # log 64
    assert final.loss < 3.0
    assert final.tokens == 2999


def test_two_runs_end_with_the_same_bits(make_trainer):
    first, second = make_trainer("a"), make_trainer("b")
    assert first.run() == second.run()
    assert first.history == second.history
    assert_equal_weights(weights(first), weights(second))


def test_events_and_history_tell_the_same_story(make_trainer):
    events = []
    trainer = make_trainer(emit=events.append)
    trainer.run()
    steps = [event for event in events if isinstance(event, StepFinished)]
    assert [event.step for event in steps] == [5, 10, 15, 20]
    assert [event.tokens for event in steps] == [320, 640, 960, 1280]
    for event, row in zip(steps, trainer.history.train, strict=True):
        assert row == {
            "step": event.step,
            "tokens": event.tokens,
            "loss": event.loss,
            "learning_rate": event.learning_rate,
            "grad_norm": event.grad_norm,
        }
    scores = [event for event in events if isinstance(event, Evaluated)]
    assert [event.step for event in scores] == [0, 10, 20]
    assert scores[1].values == {
        "validation/loss": trainer.history.validation[1]["loss"],
        "validation/bpb": trainer.history.validation[1]["bpb"],
    }
    saved = [event for event in events if isinstance(event, CheckpointSaved)]
    published = [event.step for event in saved if event.path.suffix == ".safetensors"]
    assert published == [0, 2]
    assert [event.step for event in saved if event.path.is_dir()] == [8, 16]


def test_time_left_and_speed_agree(make_trainer):
    events = []
    make_trainer(emit=events.append).run()
    event = next(event for event in events if isinstance(event, StepFinished))
    seconds_per_step = event.seconds_left / 15
    assert event.tokens_per_second == pytest.approx(64 / seconds_per_step)
    assert 0 < seconds_per_step < 1


def test_micro_batches_give_the_same_training(make_trainer):
    whole, parts = make_trainer("a"), make_trainer("b", micro_batch_size_sequences=2)
    assert whole.run().loss == pytest.approx(parts.run().loss, abs=1e-4)
    for row, other in zip(whole.history.train, parts.history.train, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], abs=1e-4)


def test_gradients_are_clipped_to_the_given_norm(make_trainer, monkeypatch):
    seen = []
    original = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(
        torch.nn.utils,
        "clip_grad_norm_",
        lambda parameters, clip: seen.append(clip) or original(parameters, clip),
    )
    make_trainer("a", steps=4, grad_clip=0.25).run()
    make_trainer("b", steps=4, grad_clip=None).run()
    assert seen == [0.25] * 4 + [float("inf")] * 4


@pytest.mark.parametrize("config", [gpt1_laptop(), lstm_laptop()], ids=["gpt1", "lstm"])
@pytest.mark.parametrize("checks", [1, 5, 9, 13])
def test_a_run_told_to_stop_goes_on_as_if_it_never_had(make_trainer, stop_after, config, checks):
    config = replace(config, vocab_size=64, context_length=16, n_embd=24, dropout=0.1)
    whole = make_trainer("whole", config=config, validate_every_steps=7)
    expected = whole.run()
    broken = make_trainer(
        "broken", config=config, validate_every_steps=7, stop=stop_after(checks + 47)
    )
    with pytest.raises(SystemExit) as exit_info:
        broken.run()
    assert exit_info.value.code == 143
    resumed = make_trainer("broken", config=config, validate_every_steps=7)
    assert 0 <= resumed.resumed_at == broken.step < 20
    assert resumed.run() == expected
    assert resumed.history == whole.history
    assert_equal_weights(weights(whole), weights(resumed))


def test_a_run_stopped_in_its_last_measurement_measures_again(make_trainer, stop_after):
    checks = 0

    class Counting(stop_after):
        def check(self):
            nonlocal checks
            checks += 1

    expected = make_trainer("whole", stop=Counting(0)).run()
    with pytest.raises(SystemExit):
        make_trainer("broken", stop=stop_after(checks - 1)).run()
    resumed = make_trainer("broken")
    assert resumed.resumed_at == 20
    assert resumed.run() == expected


def test_a_loss_that_is_not_finite_stops_the_run_at_its_step(make_trainer):
    trainer = make_trainer(checkpoint_every_steps=1, log_every_steps=20)
    update, calls = trainer._update, []

    def poisoned():
        loss, norm = update()
        calls.append(loss)
        return (loss * float("nan") if len(calls) == 3 else loss), norm

    trainer._update = poisoned
    with pytest.raises(TrainingError, match=r"step 3: loss nan, .* lower learning_rate=0\.003"):
        trainer.run()
    assert make_trainer().resumed_at == 2  # the poisoned state was not kept


def test_a_late_look_at_the_losses_still_names_the_first_bad_step(make_trainer):
    trainer = make_trainer(checkpoint_every_steps=20, validate_every_steps=20, log_every_steps=20)
    update = trainer._update
    trainer._update = lambda: (
        (torch.tensor(float("inf")), torch.tensor(1.0)) if trainer.step >= 6 else update()
    )
    with pytest.raises(TrainingError, match="step 7: loss inf"):
        trainer.run()


def test_the_compiled_loss_is_the_one_trained_with(make_trainer, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda function: compiled.append(function) or function)
    trainer = make_trainer()
    trainer.compile = True
    trainer.__post_init__()
    trainer.run()
    assert [function.__name__ for function in compiled] == ["next_token_loss"]


class Synchronisations(TorchDispatchMode):
    """Counts reads of a tensor's value by the host, for which it must wait for the device."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func in (
            torch.ops.aten._local_scalar_dense.default,
            torch.ops.aten.nonzero.default,
        )
        return func(*args, **(kwargs or {}))


def test_the_host_never_waits_for_the_device_inside_a_step(make_trainer):
    config = replace(gpt1_laptop(), vocab_size=64, context_length=16, n_embd=24, dropout=0.1)
    trainer = make_trainer(config=config, micro_batch_size_sequences=2)
    trainer._update()
    with Synchronisations() as mode:
        loss, grad_norm = trainer._update()
        trainer._log.add(2, loss, grad_norm, seconds=1.0)
        assert mode.count == 0
        loss.item()
        assert mode.count == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_torch_sees_nothing_wait_inside_a_step(make_trainer):
    config = replace(gpt1_laptop(), vocab_size=64, context_length=16, n_embd=24, dropout=0.1)
    trainer = make_trainer(config=config, micro_batch_size_sequences=2, device="cuda")
    trainer._update()  # the first step loads kernels and makes the optimiser's state
    try:
        torch.cuda.set_sync_debug_mode("error")
        loss, grad_norm = trainer._update()
        trainer._log.add(2, loss, grad_norm, seconds=1.0)
        with pytest.raises(RuntimeError, match="synchroniz"):
            loss.item()
    finally:
        torch.cuda.set_sync_debug_mode("default")
        trainer._prefetch.close()


def test_dropout_masks_follow_seed_step_and_row():
    seeds = [
        dropout_seed(seed, step, row) % 2**32  # a CPU's generator takes no more
        for seed in (1, 2)
        for step in (0, 1)
        for row in (0, 4)
    ]
    assert len(set(seeds)) == 8
    assert dropout_seed(1, 1, 4) == dropout_seed(1, 1, 4) < 2**63


def test_events_tell_the_memory_and_an_unknown_peak_tells_no_mfu(make_trainer):
    events = []
    make_trainer(emit=events.append).run()
    event = next(event for event in events if isinstance(event, StepFinished))
    assert 2**23 < event.peak_memory_bytes < 2**37
    assert event.mfu is None


def test_a_batch_that_does_not_divide_among_the_ranks_is_refused(make_trainer):
    with pytest.raises(ConfigError, match="nearest valid: 3 or 6"):
        make_trainer(parallel=Parallel(rank=1, ranks=3))
