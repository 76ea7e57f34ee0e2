from pathlib import Path

import pytest

from gptpath.play.choices import model_choices


def test_a_model_that_was_asked_for_comes_before_the_checkouts_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTPATH_TRACKING", "off")
    for name in ("pretrained/m", "finetuned/package/full"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model.safetensors").touch()
    (tmp_path / "models/finetuned/package/full/classifier.json").touch()
    own = model_choices(tmp_path)
    assert {(one.label, one.classifies) for one in own} == {
        ("pretrained/m", False),
        ("finetuned/package/full", True),
    }
    wanted, *others = model_choices(tmp_path, "elsewhere")
    assert (wanted.label, wanted.classifies) == ("elsewhere", False)
    assert others == own
