from pathlib import Path

from gptpath.config.loading import load_params
from gptpath.config.stand_ins import is_published, marks_of, settings_of

PROFILES = Path(__file__).parents[3] / "profiles"
PARAMS = load_params(PROFILES / "gpt2-124m.yaml")


def test_a_setting_carries_its_value_and_the_source_of_its_stand_in():
    found = {setting.name: setting for setting in settings_of(PARAMS, "gpt2-124m")}
    assert found["learning_rate"].value == 6.0e-4
    assert found["learning_rate"].stand_in == "karpathy/llm.c scripts/run_gpt2_124M.sh"
    assert found["batch_size_sequences"].value == 512
    assert found["batch_size_sequences"].stand_in is None
    assert found["dropout"].stand_in == "karpathy/nanoGPT train.py, for pretraining"
    assert "n_hidden" not in found
    assert "log_every_steps" not in found


def test_a_models_own_value_does_not_inherit_the_mark_of_the_value_it_replaces():
    found = {setting.name: setting for setting in settings_of(PARAMS, "lstm-2048")}
    assert found["learning_rate"].value == 2.5e-4  # GPT-1's, published
    assert found["learning_rate"].stand_in is None
    assert found["steps"].stand_in == "ours"
    assert found["beta2"].stand_in == "karpathy/llm.c train_gpt2.cu"  # inherited with the value
    assert "norm" not in found


def test_marks_of_a_stage_without_a_model_are_those_of_pretrain_alone():
    assert set(marks_of(PARAMS, None)) == {
        key for key in PARAMS.stand_ins if key.startswith("pretrain.")
    }
    assert "model.dropout" in marks_of(PARAMS, "gpt2-124m")
    assert marks_of(PARAMS, "gpt2-124m")["recipe.steps"] == PARAMS.stand_ins["pretrain.steps"]


def test_laptop_models_are_not_the_papers():
    laptop = load_params(PROFILES / "laptop.yaml")
    assert not any(is_published(laptop, name) for name in laptop.models)
    assert all(is_published(PARAMS, name) for name in PARAMS.models)
