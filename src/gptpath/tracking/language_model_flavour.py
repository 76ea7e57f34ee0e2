"""Script that MLflow stores with a language model and runs to load it (models from code).

Input column `prompt`; parameters `max_new_tokens`, `temperature` (0 is greedy), `top_k` (0 is the
whole vocabulary), `top_p`, `samples`, `seed`, `stop` (a list of texts to end before). Returns one
continuation per prompt; with several samples all those of the first prompt, then the next one's.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class CompletionModel(PythonModel):
    """Continues prompts with a gptpath model folder."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load weights and tokenizer; safetensors and JSON, nothing executable."""
        from gptpath.model.folder import load_model
        from gptpath.tokens.encoding import load_encoding

        folder = Path(context.artifacts["config.json"]).parent
        self.model = load_model(folder)
        self.encoding = load_encoding(folder / "tokenizer")

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride]  # MLflow types it None
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> list[str]:
        """Continue each prompt; rows do not influence each other."""
        from gptpath.model.generation import generate_samples
        from gptpath.model.sampling import Sampling

        del context
        prompts, options = list(model_input["prompt"]), params or {}
        for row, prompt in enumerate(prompts):
            if not isinstance(prompt, str):  # a null, which would be continued as the word `nan`
                raise MlflowException.invalid_parameter_value(
                    f"prompt={prompt!r} of row {row} is no text"
                )
        texts = generate_samples(
            self.model,
            self.encoding,
            prompts,
            max_new_tokens=int(options.get("max_new_tokens", 50)),
            sampling=Sampling(
                temperature=float(options.get("temperature", 1.0)),
                top_k=int(options.get("top_k", 0)) or None,
                top_p=float(options.get("top_p", 1.0)),
            ),
            samples=int(options.get("samples", 1)),
            seed=int(options.get("seed", 0)),
            stop=[str(mark) for mark in options.get("stop", [])],
        )
        return [text for of_prompt in texts for text in of_prompt]


set_model(CompletionModel())
