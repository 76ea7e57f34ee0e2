import json

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer

from gptpath.cli import main
from gptpath.errors import ConfigError
from gptpath.exchange.byte_level import tokenizer_json
from gptpath.exchange.importing import HUB
from gptpath.stages.paper_rows import SIZES, Cell, cells_of
from gptpath.stages.reproducing import Request, render, reproduce
from gptpath.tokens.bpe import train_ranks
from gptpath.zeroshot.item_files import read_items
from tests.shared_data import REAL

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

TEXTS = ["The model returns an array. It's new: naïve café — 12345\n\n  and so on."] * 8


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    torch.manual_seed(0)
    special = {"bos_token_id": 299, "eos_token_id": 299}
    shape = {"vocab_size": 300, "n_positions": 48, "n_embd": 32, "n_layer": 1, "n_head": 2}
    GPT2LMHeadModel(GPT2Config(**shape, **special)).save_pretrained(folder)
    model = tokenizer_json(train_ranks(TEXTS, vocab_size=300))["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    GPT2Tokenizer(vocab=model["vocab"], merges=merges).save_pretrained(folder)
    return folder


@pytest.fixture
def benchmarks(tmp_path):
    folder = tmp_path / "benchmarks"
    (folder / "lambada").mkdir(parents=True)
    (folder / "lambada" / "lambada_test.jsonl").write_text('{"text": "and so it ends"}\n' * 9)
    (folder / "wikitext-2").mkdir()
    (folder / "wikitext-2" / "test.txt").write_text(" He said , no . \n" * 9)
    return folder


def test_random_weights_are_flagged_in_every_cell_that_has_data(hub_folder, benchmarks, tmp_path):
    to = tmp_path / "out"
    filled = reproduce(Request(name="gpt2", source=hub_folder, benchmarks=benchmarks, to=to))
    verdicts = {each.cell.title: each.verdict for each in filled}
    assert {v for t, v in verdicts.items() if t.startswith(("LAMBADA", "WikiText-2"))} == {"OFF"}
    assert verdicts["PTB ppl"] == verdicts["CoQA F1"] == "absent"
    row = json.loads((to / "row.json").read_text())
    assert {cell["verdict"] for cell in row["cells"]} == {"OFF", "absent"}
    assert {score["task"] for score in row["scores"]} == {"lambada", "wikitext-2"}
    text = (to / "row.md").read_text()
    assert "3 of 3 cells are off by more than their tolerance" in text
    assert "no ptb/ptb.test.txt" in text
    assert {item["task"] for item in read_items(to)} == {"lambada", "wikitext-2"}
    again = reproduce(Request(name="gpt2", source=None, benchmarks=benchmarks, to=to))
    assert render(again) == render(filled)  # the model that was imported is used again


def test_the_command_prints_and_writes_the_row(
    hub_folder, benchmarks, tmp_path, monkeypatch, capsys
):
    (tmp_path / "dvc.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    arguments = ["reproduce", "gpt2-xl", "--from", str(hub_folder), "--max-items", "3"]
    assert main([*arguments, "--benchmarks", str(benchmarks), "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "| LAMBADA ppl | 8.63 |" in printed
    assert (tmp_path / ".scratch/reproduce/gpt2-xl/row.json").is_file()


@pytest.mark.skipif(not (REAL / "cola").is_dir(), reason="the real benchmarks are not here")
def test_gpt1s_row_is_figure_2(hub_folder, tmp_path):
    filled = reproduce(
        Request(
            name="openai-gpt", source=hub_folder, benchmarks=REAL, to=tmp_path / "o", max_items=6
        )
    )
    verdicts = {each.cell.title: each.verdict for each in filled}
    assert verdicts.pop("DPRD acc") == "absent"  # its test split is not there
    assert set(verdicts) == {"CoLA MCC", "SST-2 acc", "RACE acc"}
    assert "OFF" in verdicts.values()


def test_a_cell_is_off_by_its_own_tolerance():
    def cell(**changes):
        return Cell(title="t", task="t", metric="m", source="s", **changes)

    assert not cell(paper=30.0, tolerance=1.0).is_off(31.0)
    assert cell(paper=30.0, tolerance=1.0).is_off(31.1)
    assert cell(paper=30.0, tolerance=0.02, relative=True).is_off(31.0)
    assert cell(paper=30.0, tolerance=1.0).is_off(float("nan"))
    assert not cell(paper=None, tolerance=1.0).is_off(99.0)


def test_every_published_model_has_a_row_and_only_the_largest_has_all_cells():
    for name in HUB:
        cells = cells_of(name)
        printed = [cell for cell in cells if cell.paper is not None]
        assert len({cell.title for cell in cells}) == len(cells)
        assert (len(printed) == len(cells)) == (name == "gpt2-xl")
        assert name == "openai-gpt" or name in SIZES


def test_an_unknown_model_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="known: gpt2, gpt2-medium"):
        reproduce(Request(name="gpt5", source=None, benchmarks=tmp_path, to=tmp_path / "o"))
