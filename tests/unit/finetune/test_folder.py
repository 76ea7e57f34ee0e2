import json

import pytest
import torch

from gptpath.errors import CheckpointError, CorpusError
from gptpath.finetune.folder import load_classifier, save_classifier

ROWS = {
    "classification": {"text": "abc"},
    "entailment": {"premise": "abc", "hypothesis": "d"},
    "similarity": {"text_a": "abc", "text_b": "d"},
    "regression": {"text_a": "abc", "text_b": "d"},
    "multiple-choice": {"context": "abc", "choices": ["d", "e"]},
}


@pytest.fixture
def save(tmp_path, tokenizer_folder):
    def make(model, name="classifier", score_range=None):
        save_classifier(
            tmp_path / name,
            model,
            labels=("no", "yes"),
            description={"task": "toy", "variant": "full"},
            step=12,
            tokenizer_folder=tokenizer_folder,
            score_range=score_range,
        )
        return tmp_path / name

    return make


@pytest.mark.parametrize("kind", ROWS)
def test_a_loaded_classifier_answers_as_the_saved_model(kind, task_model, save):
    model = task_model(kind)
    classifier = load_classifier(save(model))
    [prediction, again] = classifier.predict([ROWS[kind], ROWS[kind]])
    names = {"0", "1"} if kind == "multiple-choice" else {"no", "yes"}
    assert set(prediction["probabilities"]) == names
    assert sum(prediction["probabilities"].values()) == pytest.approx(1.0)
    assert prediction["label"] == max(
        prediction["probabilities"], key=prediction["probabilities"].__getitem__
    )
    assert again == prediction
    assert all(
        torch.equal(value, classifier.model.state_dict()[name])
        for name, value in model.state_dict().items()
    )


def test_loading_does_not_touch_the_global_random_state(task_model, save):
    folder = save(task_model())
    state = torch.random.get_rng_state()
    load_classifier(folder)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_equal_models_give_equal_bytes_and_only_json_and_safetensors(task_model, save):
    first, second = save(task_model(), "one"), save(task_model(), "two")
    files = sorted(p.relative_to(first).as_posix() for p in first.rglob("*") if p.is_file())
    assert files == [
        "classifier.json",
        "config.json",
        "model.safetensors",
        "tokenizer/tokenizer.json",
        "tokenizer/tokenizer.tiktoken",
    ]
    assert all((first / f).read_bytes() == (second / f).read_bytes() for f in files)
    described = json.loads((first / "classifier.json").read_text())
    assert described == {
        "kind": "classification",
        "labels": ["no", "yes"],
        "task": "toy",
        "variant": "full",
    }


def test_a_row_without_its_column_is_shown(task_model, save):
    with pytest.raises(CorpusError, match=r"column 'text'.*row: {'words': 'x'}"):
        load_classifier(save(task_model())).predict([{"words": "x"}])


def test_no_rows_have_no_predictions(task_model, save):
    assert load_classifier(save(task_model())).predict([]) == []


def test_a_folder_without_description_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"no classifier\.json; expected an output of"):
        load_classifier(tmp_path)


def test_a_damaged_description_is_refused(task_model, save):
    folder = save(task_model())
    (folder / "classifier.json").write_text('{"kind": "classification"}')
    with pytest.raises(CheckpointError, match="does not name kind and labels"):
        load_classifier(folder)


def test_labels_that_do_not_fit_the_weights_are_refused(task_model, save):
    folder = save(task_model())
    (folder / "classifier.json").write_text('{"kind": "classification", "labels": ["a","b","c"]}')
    with pytest.raises(CheckpointError, match=r"head\.weight"):
        load_classifier(folder)


def test_a_regression_answers_with_a_score_between_its_ends(task_model, save):
    classifier = load_classifier(save(task_model("regression"), score_range=(2.0, 3.0)))
    assert classifier.score_range == (2.0, 3.0)
    row = {"text_a": "abc", "text_b": "d"}
    [prediction] = classifier.predict([row])
    shares = prediction["probabilities"]
    assert prediction["score"] == pytest.approx(2.0 * shares["no"] + 3.0 * shares["yes"])
    [turned] = classifier.predict([{"text_a": "d", "text_b": "abc"}])
    assert turned["score"] == pytest.approx(prediction["score"], abs=1e-6)


def test_any_number_of_answers_is_asked_of_a_multiple_choice_model(task_model, save):
    classifier = load_classifier(save(task_model("multiple-choice")))
    rows = [{"context": "abc", "choices": ["d", "e", "f", "g"][:n]} for n in (2, 4, 3)]
    assert [len(p["probabilities"]) for p in classifier.predict(rows)] == [2, 4, 3]
