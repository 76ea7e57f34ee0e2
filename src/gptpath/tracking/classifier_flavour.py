"""Script that MLflow stores with a classifier and runs to load it (models from code).

Input: the raw columns of the task's kind. Returns the columns `label` and `probabilities` (label
-> probability), of a regression `score` too.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class ClassifierModel(PythonModel):
    """Labels rows of raw text with a gptpath classifier folder."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load weights, labels and tokenizer; safetensors and JSON, nothing executable."""
        from gptpath.finetune.folder import load_classifier

        self.classifier = load_classifier(Path(context.artifacts["config.json"]).parent)

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride]  # MLflow types it None
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Label each row."""
        del context, params
        rows = [
            {
                name: value if isinstance(value, str) else list(value)
                for name, value in row.items()
                if isinstance(value, str) or hasattr(value, "__iter__")  # else it is missing
            }
            for row in model_input.to_dict(orient="records")
        ]
        return pd.DataFrame(self.classifier.predict(rows))


set_model(ClassifierModel())
