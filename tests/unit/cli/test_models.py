import io
from pathlib import Path

import pytest

from gptpath.cli import main
from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.model.folder import load_model, save_model
from gptpath.model.generation import generate, generate_samples
from gptpath.model.sampling import Sampling
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding

CONFIG = ModelConfig(n_layer=1, n_head=2, n_embd=32, context_length=32, vocab_size=257)


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one model folder."""
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    write_tokenizer(tmp_path / "tokenizer", [bytes([n]) for n in range(256)], name="bytes")
    save_model(
        tmp_path / "model",
        build_model(CONFIG, seed=0),
        step=1,
        tokenizer_folder=tmp_path / "tokenizer",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_prompt_gives_its_text_and_nothing_else(checkout, capfd):
    assert main(["generate", "one ", "--model", "model", "--tokens", "5", "--threads", "1"]) == 0
    model, encoding = load_model(checkout / "model"), load_encoding(checkout / "tokenizer")
    (text,) = generate(model, encoding, ["one "], max_new_tokens=5, temperature=0.8, top_k=40)
    assert capfd.readouterr().out == f"one {text}\n"


def test_several_prompts_and_samples_are_told_apart(checkout, capfd):
    (checkout / "prompts.txt").write_text("tw\u2028o\n\n")
    given = "generate one --prompts prompts.txt --model model --samples 2 --tokens 4 --top-p 0.5"
    assert main([*given.split(), "--top-k", "0", "--temperature", "1", "--threads", "1"]) == 0
    model, encoding = load_model(checkout / "model"), load_encoding(checkout / "tokenizer")
    prompts = ["one", "tw\u2028o", ""]
    texts = generate_samples(
        model, encoding, prompts, max_new_tokens=4, sampling=Sampling(top_p=0.5), samples=2
    )
    expected = "".join(
        f"--- prompt {p}, sample {s} ---\n{prompts[p - 1]}{texts[p - 1][s - 1]}\n"
        for p in (1, 2, 3)
        for s in (1, 2)
    )
    assert capfd.readouterr().out == expected


@pytest.mark.parametrize("given", ["prompts.txt", "-"])
def test_a_byte_order_mark_is_no_part_of_the_first_prompt(checkout, capfd, monkeypatch, given):
    (checkout / "prompts.txt").write_text("\ufeffone\r\n", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeffone\n"))
    options = ["--model", "model", "--tokens", "4", "--threads", "1"]
    assert main(["generate", "--prompts", given, *options]) == 0
    found = capfd.readouterr().out
    assert main(["generate", "one", *options]) == 0
    assert found == capfd.readouterr().out


def test_an_export_comes_back_by_an_import(checkout, capsys):
    assert main(["export", "model", "--to", "out"]) == 0
    assert main(["import", "out", "--to", "back"]) == 0
    assert "vocabulary 257, from out" in capsys.readouterr().out
    for file in ("model.safetensors", "tokenizer/tokenizer.tiktoken"):
        assert (checkout / "back" / file).read_bytes() == (checkout / "model" / file).read_bytes()
    assert main(["generate", "one", "--model", "back", "--tokens", "2"]) == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("generate --model model", "nothing to continue"),
        ("generate one --model model --top-p 2", "top_p=2.0 must lie above 0"),
        ("generate one --model model --samples 0", "samples=0 must be at least 1"),
        ("generate --prompts absent --model model", "--prompts absent cannot be read"),
        ("generate one --model absent", "absent is not a model folder"),
        ("import absent --to new", "absent cannot be imported"),
        ("export absent --to new", "absent is not a model folder"),
        ("export model --to new --step 5", "no checkpoint of step 5"),
    ],
)
def test_a_mistake_ends_with_one_clear_line(checkout, capsys, command, message):
    assert main(command.split()) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (checkout / "new").exists()


def test_comparing_with_a_folder_that_is_no_model_is_one_sentence(checkout, capsys):
    assert main(["compare", "nowhere", "model"]) == 1
    assert "gptpath compare: nowhere is not a model folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        "generate a --threads -1",
        "classify a --model m --threads 0",
        "reproduce gpt2 --batch-size 0",
    ],
)
def test_numbers_that_cannot_be_are_refused_in_one_sentence(capsys, given):
    with pytest.raises(SystemExit) as ended:
        main(given.split())
    assert ended.value.code == 2
    assert f"'{given.split()[-1]}' is no whole number from 1 on" in capsys.readouterr().err
