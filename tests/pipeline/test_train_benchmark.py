"""The training benchmark on a shape that takes no time, beside whatever peers are installed."""

import importlib.util
import json

import pytest

from benchmarks import train
from benchmarks.train import Size, cpu_size

TINY = Size(config=cpu_size(1, 2, 16, 300).config, batch=4, micro=2)


@pytest.mark.slow
def test_contenders_train_in_turn_and_are_compared(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(train.SIZES, "cpu", {"tiny": TINY})
    monkeypatch.setattr(train, "contenders", lambda nanogpt: ["gptpath", *installed()])
    text = tmp_path / "text.txt"
    text.write_text("".join(f"line {n} of a text that repeats itself\n" for n in range(2000)))
    found = tmp_path / "found.json"
    options = ["--rounds", "2", "--seconds", "0.05", "--text", str(text), "--json", str(found)]
    train.main(options)
    tiny = json.loads(found.read_text())["tiny"]
    assert list(tiny["contenders"]) == ["gptpath", *installed()]
    ours = tiny["contenders"]["gptpath"]
    assert 0 < ours["lowest"] <= ours["tokens_per_second"] <= ours["highest"]
    assert ours["peak_mb"] >= ours["imports_mb"] > 0
    assert 0 < ours["loss"] < 5.7  # log 300: it has begun to learn
    assert (ours["of_fastest_peer"] is None) == (not installed())
    assert f"| | gptpath | {ours['tokens_per_second']:,.0f}" in capsys.readouterr().out


def installed():
    there = all(importlib.util.find_spec(name) for name in ("transformers", "accelerate"))
    return ["transformers"] if there else []


def test_a_checkout_of_nanogpt_makes_two_more_contenders(tmp_path):
    assert set(train.contenders(tmp_path)) - set(train.contenders(None)) == {
        "nanoGPT",
        "nanoGPT compiled",
    }


def test_a_size_of_another_device_is_refused(capsys):
    with pytest.raises(SystemExit):
        train.main(["--sizes", "124M"])
    assert "of cpu there are ['1M', '4M', '12M']" in capsys.readouterr().err
