"""The project checks itself: profiles, presets, the environment lock, how things are written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gptpath.config.loading import load_params, profile_text
from gptpath.config.presets import PRESETS
from gptpath.config.stand_ins import settings_of

ROOT = Path(__file__).parents[2]
PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))
UNPUBLISHED = {"steps", "beta1", "beta2", "adam_eps", "grad_clip"}
"""Of both papers' pretraining."""


def test_the_default_parameters_are_the_laptop_profile() -> None:
    assert (ROOT / "params.yaml").read_text() == (ROOT / "profiles/laptop.yaml").read_text()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_every_profile_is_accepted_and_names_itself(profile: Path) -> None:
    assert load_params(profile).profile == profile.stem
    assert profile_text(ROOT / "profiles", profile.stem, []) == profile.read_text()


@pytest.mark.parametrize("name", ["gpt1-117m", "gpt2-124m", "gpt2-355m", "gpt2-774m", "gpt2-1558m"])
def test_every_published_size_has_a_profile_with_its_exact_preset(name: str) -> None:
    params = load_params(ROOT / "profiles" / f"{name}.yaml")
    assert params.model_config(name) == PRESETS[name.replace("-", "_")]()


@pytest.mark.parametrize("size", ["124m", "355m", "774m", "1558m"])
def test_gpt2s_batch_is_the_published_one_and_what_was_not_published_is_marked(size: str) -> None:
    model = f"gpt2-{size}"
    params = load_params(ROOT / "profiles" / f"{model}.yaml")
    sequences = params.recipe(model).batch_size_sequences
    assert sequences * params.model_config(model).context_length == 524_288
    marked = {setting.name for setting in settings_of(params, model) if setting.stand_in}
    assert marked == UNPUBLISHED | {
        "learning_rate",
        "min_learning_rate_fraction",
        "warmup_steps",
        "weight_decay",
        "dropout",
    }


def test_gpt1s_recipe_is_the_published_one_and_what_was_not_published_is_marked() -> None:
    params = load_params(ROOT / "profiles" / "gpt1-117m.yaml")
    recipe, shape = params.recipe("gpt1-117m"), params.model_config("gpt1-117m")
    assert recipe.batch_size_sequences * shape.context_length == 32_768
    assert (recipe.learning_rate, recipe.warmup_steps) == (2.5e-4, 2000)
    assert (recipe.min_learning_rate_fraction, recipe.weight_decay) == (0.0, 0.01)
    assert shape.dropout == 0.1
    marked = {setting.name for setting in settings_of(params, "gpt1-117m") if setting.stand_in}
    assert marked == UNPUBLISHED
    lstm = {setting.name for setting in settings_of(params, "lstm-2048") if setting.stand_in}
    assert lstm == UNPUBLISHED | {"n_embd", "dropout", "init_std"}


def test_the_lock_pins_every_version_and_names_no_address() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 150
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", pin) for pin in pins)


def test_the_lock_satisfies_what_the_project_asks_for() -> None:
    pinned = dict(
        line.lower().split("==")
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line
    )
    assert pinned["torch"] == "2.13.0"
    assert pinned["prefect"] == "3.8.8"
    assert (0, 139) <= tuple(map(int, pinned["fastapi"].split(".")[:2])) < (0, 151)


def test_help_and_profiles_load_no_heavy_library() -> None:
    code = (
        "import sys, contextlib, io\n"
        "from gptpath.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "heavy = {'torch', 'mlflow', 'prefect', 'polars', 'dvc', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "module",
    ["gptpath.stages.ingest", "gptpath.stages.tokenizer", "gptpath.stages.encode"],
)
def test_data_stages_load_neither_torch_nor_tracking_nor_orchestration(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "heavy = {'torch', 'mlflow', 'prefect', 'dvc'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_training_runs_where_only_torch_numpy_and_tiktoken_are() -> None:
    code = (
        "import sys\n"
        "absent = {'prefect', 'mlflow', 'dvc', 'polars', 'pandas', 'pydantic', 'ruamel'}\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in absent:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import gptpath.train.loop, gptpath.model.folder, gptpath.model.generation\n"
        "import gptpath.finetune.trainer, gptpath.zeroshot.scoring, gptpath.config.presets\n"
        "import gptpath.config.params, gptpath.tokens.shards, gptpath.tokens.encoding\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_files_stay_small_enough_to_read() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("src", "flows", "tasks")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert not long


def test_the_library_prints_nothing_and_uses_no_pickle() -> None:
    forbidden = re.compile(
        r"^\s*print\(|\bimport pickle|\btorch\.load\((?!.*weights_only=True\)$)|\bcloudpickle", re.M
    )
    guilty = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if forbidden.search(path.read_text())
    ]
    assert not guilty


def test_every_command_of_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^make ([a-z-]+)", readme, re.M))
    assert {"run", "test"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
    from gptpath.cli import COMMANDS, STAGES

    commands = set(re.findall(r"`?gptpath ([a-z]+)", readme)) - {"is"}
    assert commands <= set(COMMANDS) | set(STAGES)
