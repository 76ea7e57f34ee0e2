import time
from dataclasses import replace
from pathlib import Path

import mlflow.artifacts
import numpy as np
import pytest
from safetensors.numpy import save_file

from gptpath.config.loading import load_params, profile_text
from gptpath.errors import PipelineError
from gptpath.events import ModelFinished
from gptpath.tracking.card import CUT, as_description, model_card
from gptpath.tracking.decisions import with_decision
from gptpath.tracking.mlflow_run import open_run
from gptpath.tracking.recorder import collect_facts
from gptpath.tracking.registry import registered_models, resolve_model
from gptpath.tracking.revision import Revision
from gptpath.tracking.store import open_client

pytestmark = pytest.mark.filterwarnings(
    "default::DeprecationWarning", "default::FutureWarning", "default::ResourceWarning"
)

LEDGER = {"tokens": 1000, "wall_seconds": 12.5, "flops": 3e9, "machine": {"cores": 2}}


def model(folder: Path, *, weight: float = 1.0) -> ModelFinished:
    (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "checkpoints" / "step-00000000.safetensors").write_text("early")
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    (folder / "config.json").write_text("{}")
    save_file({"w": np.full(4, weight, np.float32)}, folder / "model.safetensors")
    return ModelFinished(name="tiny", path=folder, kind="language-model", metrics={"loss": 2.5})


@pytest.fixture
def run(root: Path, facts):
    return open_run(root, facts, parent=None, flow_run=None)


def test_a_finished_model_becomes_the_challenger_with_all_its_facts(root: Path, run) -> None:
    run.register(model(root / "model"), LEDGER)
    client = open_client(root)
    version = client.get_model_version_by_alias("gptpath-tiny", "challenger")
    assert str(version.version) == "1"
    assert version.run_id == run.run_id
    assert version.tags["gptpath.stage"] == "pretrain@tiny"
    assert version.tags["gptpath.git_commit"] == "c" * 40
    assert version.tags["gptpath.data.data/tokens"] == "abc.dir"
    assert version.tags["gptpath.ledger.tokens"] == "1000"
    assert version.tags["gptpath.metric.loss"] == "2.5"
    for fact in ("abc.dir", "| loss | 2.5 |", "| tokens | 1,000 |", "pretrain.steps"):
        assert fact in version.description
    assert client.get_run(run.run_id).data.tags["gptpath.model.tiny"] == "1"


def test_the_card_marks_values_that_are_not_openais(facts) -> None:
    marked = replace(facts, stand_ins={"pretrain.steps": "karpathy/llm.c"})
    finished = ModelFinished(name="tiny", path=Path(), kind="language-model", metrics={})
    assert "| pretrain.steps | 3 (not OpenAI's: karpathy/llm.c) |" in model_card(
        marked, finished, {}
    )
    assert "not OpenAI's" not in model_card(facts, finished, {})


def test_a_description_is_no_longer_than_databases_take(root: Path, facts) -> None:
    many = {f"data_sets.own.set-{number}.kind": "classification" for number in range(200)}
    run = open_run(root, replace(facts, parameters=many), parent=None, flow_run=None)
    run.register(model(root / "model"), LEDGER)
    said = open_client(root).get_model_version("gptpath-tiny", "1").description
    assert 4900 < len(said) <= 5000
    assert said.endswith(f"classification |{CUT}")
    assert "| tokens | 1,000 |" in said
    [card] = (root / "mlartifacts").rglob("README.md")
    assert "set-199" in card.read_text()
    again = with_decision(said, "**promote** " + 300 * "because ")
    assert len(as_description(again)) <= 5000
    assert as_description(again).count(CUT) == 1
    assert as_description("short\n") == "short\n"


def test_facts_of_a_stage_carry_the_stand_ins_among_its_parameters() -> None:
    root = Path(__file__).parents[3]
    params = load_params(root / "profiles" / "gpt2-124m.yaml")
    revision = Revision(commit="c" * 40, dirty=False)
    found = collect_facts(root, params, "pretrain", "gpt2-124m", revision).stand_ins
    assert found["recipe.learning_rate"] == "karpathy/llm.c scripts/run_gpt2_124M.sh"
    assert found["model.dropout"] == "karpathy/nanoGPT train.py, for pretraining"
    assert "recipe.batch_size_sequences" not in found
    assert collect_facts(root, params, "ingest", None, revision).stand_ins == {}


def test_the_card_tells_what_params_yaml_has_changed_of_a_published_model(
    tmp_path: Path,
) -> None:
    root = Path(__file__).parents[3]
    for name in ("dvc.yaml", "profiles"):
        (tmp_path / name).symlink_to(root / name)
    text = profile_text(root / "profiles", "gpt1-117m", ["pretrain.learning_rate=0.001"])
    (tmp_path / "params.yaml").write_text(text)
    params = load_params(tmp_path / "params.yaml")
    revision = Revision(commit="c" * 40, dirty=False)
    found = collect_facts(tmp_path, params, "pretrain", "gpt1-117m", revision).stand_ins
    assert found["recipe.learning_rate"] == "changed here; the profile has 0.00025"
    assert "changed" not in found["recipe.steps"]


def test_registering_takes_less_than_two_seconds(root: Path, run) -> None:
    begin = time.process_time()
    run.register(model(root / "model"), LEDGER)
    assert time.process_time() - begin < 2


def test_the_same_weights_make_no_second_version(root: Path, run) -> None:
    run.register(model(root / "model"), LEDGER)
    run.register(model(root / "again"), LEDGER)
    client = open_client(root)
    assert len(client.search_model_versions("name = 'gptpath-tiny'")) == 1
    run.register(model(root / "other", weight=2.0), LEDGER)
    newest = client.get_model_version_by_alias("gptpath-tiny", "challenger")
    assert str(newest.version) == "2"


def test_an_address_resolves_to_a_model_folder_without_checkpoints_or_pickles(
    root: Path, run
) -> None:
    given = model(root / "model")
    run.register(given, LEDGER)
    for address in ("models:/gptpath-tiny@challenger", "models:/gptpath-tiny/1"):
        folder = resolve_model(root, address)
        assert (folder / "model.safetensors").read_bytes() == (
            given.path / "model.safetensors"
        ).read_bytes()
        assert sorted(path.name for path in folder.iterdir()) == [
            "README.md",
            "config.json",
            "model.safetensors",
            "tokenizer",
        ]
    stored = [path.suffix for path in (root / "mlartifacts").rglob("*") if path.is_file()]
    assert not {".pkl", ".pickle", ".pt", ".bin"}.intersection(stored)


def test_another_store_with_the_same_version_number_is_not_mistaken(
    root: Path, run, facts, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.register(model(root / "model"), LEDGER)
    resolve_model(root, "models:/gptpath-tiny/1")
    (root / "other.db").write_bytes(store_template.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'other.db'}")
    monkeypatch.chdir(root)
    second = open_run(root, facts, parent=None, flow_run=None)
    second.register(model(root / "other", weight=2.0), LEDGER)
    folder = resolve_model(root, "models:/gptpath-tiny/1")
    assert (folder / "model.safetensors").read_bytes() == (
        root / "other" / "model.safetensors"
    ).read_bytes()


def test_addresses_that_name_nothing_are_refused_with_what_there_is(root: Path, run) -> None:
    run.register(model(root / "model"), LEDGER)
    with pytest.raises(PipelineError, match="registered: gptpath-tiny"):
        resolve_model(root, "models:/gptpath-huge@challenger")
    with pytest.raises(PipelineError, match="models:/gptpath-NAME@challenger"):
        resolve_model(root, "runs:/abc/model")


def test_an_incomplete_folder_is_not_registered(root: Path, run) -> None:
    given = model(root / "model")
    (given.path / "model.safetensors").unlink()
    with pytest.raises(PipelineError, match="no finished model folder"):
        run.register(given, LEDGER)


def test_a_model_that_another_process_fetches_meanwhile_is_taken_from_there(
    root: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.register(model(root / "model"), LEDGER)
    download = mlflow.artifacts.download_artifacts

    def download_after_another(**options: str) -> None:
        monkeypatch.setattr(mlflow.artifacts, "download_artifacts", download)
        resolve_model(root, "models:/gptpath-tiny/1")
        download(**options)

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", download_after_another)
    found = resolve_model(root, "models:/gptpath-tiny/1")
    assert (found / "model.safetensors").is_file()
    assert [path.name for path in found.parent.iterdir()] == [found.name]


def test_of_a_shared_registry_the_models_of_gptpath_alone_are_offered(root: Path, run) -> None:
    run.register(model(root / "model"), LEDGER)
    client = open_client(root)
    client.create_registered_model("prices")
    client.create_model_version("prices", (root / "elsewhere").as_uri())
    client.set_registered_model_alias("prices", "champion", "1")
    assert [(one.name, one.aliases) for one in registered_models(root)] == [
        ("gptpath-tiny", ("challenger",))
    ]
