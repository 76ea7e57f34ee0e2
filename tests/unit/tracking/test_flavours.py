"""What the models that MLflow serves make of requests that are none."""

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException


@pytest.mark.filterwarnings("ignore:.*type hint:UserWarning")
@pytest.mark.parametrize("nothing", [None, float("nan"), 5])
def test_a_prompt_that_is_no_text_is_refused(nothing: object) -> None:
    from gptpath.tracking.language_model_flavour import CompletionModel  # MLflow warns of its types

    rows = pd.DataFrame({"prompt": ["a", nothing]}, dtype=object)
    with pytest.raises(MlflowException, match="of row 1 is no text"):
        CompletionModel().predict(None, rows)  # type: ignore[arg-type]
