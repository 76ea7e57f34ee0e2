import dataclasses
import hashlib
import json
import math

import pytest
import torch

from gptpath.errors import ConfigError, TokenError
from gptpath.events import ModelFinished, StepFinished, ignore
from gptpath.model.folder import load_model, published_steps
from gptpath.stages.context import StageContext
from gptpath.stages.pretrain import run
from gptpath.train import job
from tests.fault.pretrain_checkout import MODEL, tiny_params, write_checkout


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.fixture
def root(tmp_path):
    write_checkout(tmp_path)
    return tmp_path


def pretrain(root, *, item=MODEL, emit=ignore, params=None, **recipe):
    params = params or tiny_params(**recipe)
    return run(StageContext(root=root, params=params, item=item, emit=emit))


def test_a_model_folder_its_metrics_and_its_event_come_out(root):
    events = []
    outcome = pretrain(root, emit=events.append)
    folder = root / "models" / "pretrained" / MODEL
    assert published_steps(folder) == [0, 3, 30]
    model = load_model(folder)
    metrics = json.loads((root / "metrics" / "pretrain" / f"{MODEL}.json").read_text())
    assert metrics["parameters"] == sum(p.numel() for p in model.parameters())
    assert metrics["preset"] == "gpt1_laptop"
    assert metrics["tokens"] == outcome.tokens == 30 * 4 * 16
    assert metrics["flops"] == outcome.flops == metrics["flops_per_token"] * metrics["tokens"]
    assert [row["step"] for row in metrics["validation"]] == [0, 10, 20, 30]
    assert len(metrics["train"]) == 30
    final = metrics["final"]
    assert final["loss"] < metrics["validation"][0]["loss"]
    assert final["perplexity"] == pytest.approx(math.exp(final["loss"]))
    assert outcome.metrics == {name: final[name] for name in ("loss", "bpb", "perplexity")}
    assert events[-1] == ModelFinished(
        name=MODEL, path=folder, kind="language-model", metrics=outcome.metrics
    )


def test_the_initial_checkpoint_holds_the_untrained_model(root):
    pretrain(root)
    folder = root / "models" / "pretrained" / MODEL
    first, last = load_model(folder, step=0), load_model(folder)
    assert (first.h[0].attn.c_attn.bias == 0).all()
    assert (last.h[0].attn.c_attn.bias != 0).any()


def test_a_run_again_replaces_its_outputs_with_the_same_bytes(root):
    pretrain(root)
    path = root / "models" / "pretrained" / MODEL / "model.safetensors"
    before = path.read_bytes()
    path.write_bytes(b"something else")
    (path.parent / "stray").write_text("left by hand")
    pretrain(root)
    assert path.read_bytes() == before
    assert not (path.parent / "stray").exists()


def test_models_may_lie_on_another_file_system(root, scratch_elsewhere):
    scratch_elsewhere()
    pretrain(root)
    folder = root / "models" / "pretrained"
    assert [path.name for path in folder.iterdir()] == [MODEL]
    assert published_steps(folder / MODEL)[-1] == 30
    assert list((root / ".scratch" / "pretrain").iterdir()) == []


def test_nothing_stays_in_the_scratch_folder(root):
    pretrain(root)
    assert list((root / ".scratch" / "pretrain").iterdir()) == []


def test_state_of_another_recipe_is_left_alone(root):
    class Broken(Exception):
        pass

    def break_off(event):
        if getattr(event, "step", 0) == 15:
            raise Broken

    with pytest.raises(Broken):
        pretrain(root, emit=break_off)
    (kept,) = [path for path in (root / ".scratch" / "pretrain").iterdir() if path.is_dir()]
    outcome = pretrain(root, learning_rate=0.02)
    assert outcome.tokens == 30 * 4 * 16  # nothing was resumed
    assert (kept / "state-00000014").is_dir()
    resumed = pretrain(root)
    assert resumed.tokens == (15 + 16) * 4 * 16  # step 15 twice
    assert [attempt["tokens"] for attempt in resumed.attempts] == [15 * 4 * 16, 16 * 4 * 16]


@pytest.mark.parametrize("item", [None, "gpt5"])
def test_an_unknown_model_is_refused_with_the_known_ones(root, item):
    with pytest.raises(ConfigError, match="known: gpt1-laptop"):
        pretrain(root, item=item)


def test_a_corrupt_shard_is_refused(root):
    shard = root / "data" / "tokens" / "train-00001.tokens"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(TokenError, match=r"train-00001\.tokens is corrupt"):
        pretrain(root)


def test_tokens_of_another_vocabulary_are_refused(root):
    params = tiny_params()
    tokenizer = dataclasses.replace(params.tokenizer, vocab_size=300)
    with pytest.raises(TokenError, match=r"a vocabulary of 257, params\.yaml asks for 300"):
        pretrain(root, params=dataclasses.replace(params, tokenizer=tokenizer))


def test_tokens_that_were_never_made_are_asked_for(tmp_path):
    with pytest.raises(TokenError, match="run `gptpath encode` first"):
        pretrain(tmp_path)


def test_a_micro_batch_that_was_chosen_is_told_to_the_ledger(root):
    assert pretrain(root, steps=3).chosen == {}
    outcome = pretrain(root, steps=3, micro_batch_size_sequences="auto")
    assert outcome.chosen["micro_batch_size_sequences"] in (1, 2, 4)


def test_a_run_that_goes_on_keeps_its_micro_batch(root, monkeypatch):
    class Enough(Exception):
        pass

    def break_off(event):
        if isinstance(event, StepFinished) and event.step == 9:
            raise Enough

    monkeypatch.setattr(job, "search_micro_batch", lambda share, **model: (2, FACTS))
    with pytest.raises(Enough):
        pretrain(root, emit=break_off, micro_batch_size_sequences="auto")
    monkeypatch.setattr(job, "search_micro_batch", lambda share, **model: (4, FACTS))
    assert pretrain(root, micro_batch_size_sequences="auto").chosen == {
        "micro_batch_size_sequences": 2
    }
    weights = digest(root)
    pretrain(root, micro_batch_size_sequences=2)
    assert digest(root) == weights


FACTS = {"room_bytes": 1e9, "trials": []}


def digest(root):
    path = root / "models" / "pretrained" / MODEL / "model.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest()
