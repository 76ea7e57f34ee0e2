"""What a registered model takes and returns, as MLflow signatures."""

import json
from pathlib import Path

from mlflow.models import ModelSignature, get_model_info
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, DataType, Map

from gptpath.errors import PipelineError

TEXT = DataType.string

COLUMNS: dict[str, dict[str, DataType | Array]] = {
    "classification": {"text": TEXT},
    "entailment": {"premise": TEXT, "hypothesis": TEXT},
    "similarity": {"text_a": TEXT, "text_b": TEXT},
    "regression": {"text_a": TEXT, "text_b": TEXT},
    "multiple-choice": {"context": TEXT, "choices": Array(TEXT), "question": TEXT},
}
"""Raw input columns of each kind of classifier (docs/formats.md, labelled tasks)."""
OPTIONAL = ("question",)


def signature_text(address: str) -> str:
    """What a registered model takes and returns, as JSON that compares; `none` without one."""
    signature = get_model_info(address).signature
    return json.dumps(signature.to_dict(), sort_keys=True) if signature else "none"


def language_model_signature() -> ModelSignature:
    """`prompt` -> continuation, with the parameters of sampling."""
    return ModelSignature(
        inputs=Schema([ColSpec(TEXT, "prompt")]),
        outputs=Schema([ColSpec(TEXT)]),
        params=ParamSchema(
            [
                ParamSpec("max_new_tokens", DataType.long, 50),
                ParamSpec("temperature", DataType.double, 1.0),
                ParamSpec("top_k", DataType.long, 0),
                ParamSpec("top_p", DataType.double, 1.0),
                ParamSpec("samples", DataType.long, 1),
                ParamSpec("seed", DataType.long, 0),
                ParamSpec("stop", DataType.string, [], shape=(-1,)),
            ]
        ),
    )


def classifier_signature(folder: Path) -> ModelSignature:
    """The columns of the classifier's kind -> label, probabilities, and a regression's score."""
    path = folder / "classifier.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["kind"]
        columns = COLUMNS[kind]
    except (OSError, ValueError, KeyError) as error:
        raise PipelineError(f"{path} does not name a known kind of task: {error!r}") from None
    outputs = [ColSpec(TEXT, "label"), ColSpec(Map(DataType.double), "probabilities")]
    if kind == "regression":
        outputs.append(ColSpec(DataType.double, "score"))
    inputs = [
        ColSpec(type_, name, required=name not in OPTIONAL) for name, type_ in columns.items()
    ]
    return ModelSignature(inputs=Schema([*inputs]), outputs=Schema([*outputs]))
