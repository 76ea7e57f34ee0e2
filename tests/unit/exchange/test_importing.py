import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gptpath.errors import CheckpointError, GptPathError, TokenError
from gptpath.exchange.importing import HUB, Imported, import_model
from gptpath.model.build import build_model
from gptpath.model.folder import load_config, load_model, published_steps
from gptpath.model.generation import generate
from gptpath.tokens.encoding import load_encoding
from tests.unit.exchange.conftest import CONFIG, TEXTS


def change(path: Path, **values) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def check(folder: Path) -> None:
    """The folder holds the model of the fixture, tensor by tensor."""
    wanted = build_model(CONFIG, seed=5).state_dict()
    found = load_model(folder).state_dict()
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name
    assert load_config(folder) == CONFIG


def test_a_folder_of_the_hubs_layout_becomes_a_model_folder(source, tmp_path, ranks):
    done = import_model(str(source), tmp_path / "ours")
    parameters = sum(p.numel() for p in build_model(CONFIG, seed=5).parameters())
    assert done == Imported(
        folder=tmp_path / "ours", source=str(source), parameters=parameters, vocab_size=280
    )
    check(tmp_path / "ours")
    encoding = load_encoding(tmp_path / "ours" / "tokenizer")
    assert [encoding.decode_single_token_bytes(rank) for rank in range(279)] == ranks
    model = load_model(tmp_path / "ours")
    assert generate(model, encoding, [TEXTS[0]], max_new_tokens=3, temperature=0)
    assert published_steps(tmp_path / "ours") == [0]


def test_a_sharded_folder_is_joined(source, tmp_path, state):
    (source / "model.safetensors").unlink()
    parts = {"one.safetensors": sorted(state)[:9], "two.safetensors": sorted(state)[9:]}
    for file, names in parts.items():
        save_file({name: state[name] for name in names}, source / file)
    places = {name: file for file, names in parts.items() for name in names}
    index = source / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    import_model(str(source), tmp_path / "ours")
    check(tmp_path / "ours")
    index.write_text(json.dumps({"weight_map": places | {"wpe.weight": "../one.safetensors"}}))
    with pytest.raises(CheckpointError, match="not a file beside it"):
        import_model(str(source), tmp_path / "other")
    index.write_text(json.dumps({"weight_map": places | {"more": "one.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"differ in the tensors \['more'\]"):
        import_model(str(source), tmp_path / "other")


def test_an_old_file_of_tensors_is_read(source, tmp_path, state):
    (source / "model.safetensors").unlink()
    torch.save(state, source / "pytorch_model.bin")
    import_model(str(source), tmp_path / "ours")
    check(tmp_path / "ours")


def test_a_file_may_keep_the_tied_table_under_the_name_of_the_head(source, tmp_path, state):
    """As safetensors.torch.save_model does, of whose two names it keeps the first."""
    state["lm_head.weight"] = state.pop("wte.weight")
    save_file(state, source / "model.safetensors")
    import_model(str(source), tmp_path / "ours")
    check(tmp_path / "ours")


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("pwned"),))


def test_a_file_that_could_run_code_is_refused_unread(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (source / "model.safetensors").unlink()
    torch.save({"wte.weight": Evil()}, source / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin holds more than tensors"):
        import_model(str(source), tmp_path / "ours")
    (source / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(CheckpointError, match="holds more than tensors, or is damaged"):
        import_model(str(source), tmp_path / "ours")
    assert not (tmp_path / "pwned").exists()


def test_half_precision_weights_become_float32(source, tmp_path, state):
    halves = {name: tensor.half() for name, tensor in state.items()}
    save_file(halves, source / "model.safetensors")
    import_model(str(source), tmp_path / "ours")
    found = load_model(tmp_path / "ours").state_dict()
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}
    assert torch.equal(found["wte.weight"], halves["wte.weight"].float())


def without(name):
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (without("h.1.ln_2.bias"), r"missing \['h\.1\.ln_2\.bias'\], unexpected \[\]"),
        (without("wte.weight"), "no token table"),
        (lambda s: s | {"h.2.ln_1.bias": torch.ones(32)}, r"unexpected \['h\.2\.ln_1\.bias'\]"),
        (
            lambda s: s | {"h.0.mlp.c_fc.weight": torch.ones(128, 32)},
            r"h\.0\.mlp\.c_fc\.weight \(32, 128\) instead of \(128, 32\)",
        ),
        (lambda s: s | {"wpe.weight": torch.ones(23, 32)}, r"wpe\.weight \(23, 32\) instead"),
        (
            lambda s: s | {"lm_head.weight": torch.ones(280, 32)},
            r"lm_head\.weight \(280, 32\) is not the token table",
        ),
    ],
)
def test_a_tensor_that_is_missing_too_many_or_misshapen_is_named(
    source, tmp_path, state, edit, message
):
    save_file(edit(state), source / "model.safetensors")
    with pytest.raises(CheckpointError, match=message):
        import_model(str(source), tmp_path / "ours")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "bert"}, "model_type 'bert'; expected gpt2 or openai-gpt"),
        ({"activation_function": "relu"}, "activation_function='relu', but gpt2 as published"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings=False"),
        ({"n_inner": 100}, "n_inner=100 must be 4 x n_embd"),
        ({"attn_pdrop": 0.2}, "'attn_pdrop': 0.2.* differ"),
        ({"n_head": 5}, "does not describe a model: .*not divisible"),
        ({"n_layer": None}, "does not describe a model"),
    ],
)
def test_a_model_that_is_not_the_papers_is_refused(source, tmp_path, values, message):
    change(source / "config.json", **values)
    with pytest.raises(CheckpointError, match=message):
        import_model(str(source), tmp_path / "ours")


def test_a_tokenizer_of_another_size_is_refused(source, tmp_path, state):
    change(source / "config.json", vocab_size=281)
    table = torch.cat([state["wte.weight"], torch.zeros(1, 32)])
    save_file(state | {"wte.weight": table}, source / "model.safetensors")
    with pytest.raises(TokenError, match="has 280 ids, the model 281"):
        import_model(str(source), tmp_path / "ours")


def test_a_tokenizer_may_lie_elsewhere(source, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("vocab.json", "merges.txt"):
        (source / name).rename(elsewhere / name)
    with pytest.raises(TokenError, match=r"vocab\.json is missing.*--tokenizer"):
        import_model(str(source), tmp_path / "ours")
    import_model(str(source), tmp_path / "ours", tokenizer=elsewhere)
    check(tmp_path / "ours")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("model.safetensors", "short"),
        ("vocab.json", "{"),
        ("merges.txt", "a b c\n"),
        ("tokenizer.json", "{}"),
        ("tokenizer.json", "7"),
    ],
)
def test_a_damaged_file_is_named(source, tmp_path, file, content):
    (source / file).write_text(content)
    with pytest.raises(GptPathError, match=str(source)):
        import_model(str(source), tmp_path / "ours")


def test_what_lies_at_the_target_stays(source, tmp_path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "note").write_text("mine")
    with pytest.raises(CheckpointError, match="is there already"):
        import_model(str(source), tmp_path / "ours")
    (tmp_path / "ours" / "note").unlink()
    (tmp_path / "link").symlink_to("ours")
    import_model(str(source), tmp_path / "link")
    check(tmp_path / "ours")


def test_what_is_no_source_gets_the_list_of_sources(tmp_path):
    with pytest.raises(CheckpointError, match=r"gpt2-xl, openai-gpt, a folder .* params_\*\.npy"):
        import_model("gpt3", tmp_path / "ours")
    with pytest.raises(CheckpointError, match="--revision abc is for the hub's names"):
        import_model("gpt3", tmp_path / "ours", revision="abc")


def test_a_folder_of_ours_needs_no_import(source, tmp_path):
    import_model(str(source), tmp_path / "ours")
    with pytest.raises(CheckpointError, match="made by gptpath needs no import"):
        import_model(str(tmp_path / "ours"), tmp_path / "again")


def test_the_hub_is_asked_for_the_pinned_revision_and_the_commit_is_kept(
    source, tmp_path, monkeypatch
):
    hub = pytest.importorskip("huggingface_hub")
    asked = {}

    def snapshot(repository, *, revision, allow_patterns):
        asked.update(repository=repository, revision=revision, patterns=allow_patterns)
        return str(source.rename(source.with_name("c0ffee")))

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    import_model("gpt2-xl", tmp_path / "ours", revision="v1")
    assert asked["repository"] == HUB["gpt2-xl"] == "openai-community/gpt2-xl"
    assert asked["revision"] == "v1"
    assert "config.json" in asked["patterns"]
    assert not any("*" in pattern or ".bin" in pattern for pattern in asked["patterns"])
    values = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert values["source"] == "openai-community/gpt2-xl@c0ffee"
    check(tmp_path / "ours")


def test_without_a_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        CheckpointError, match="cannot fetch openai-community/gpt2 at revision main.*local folder"
    ):
        import_model("gpt2", tmp_path / "ours")
