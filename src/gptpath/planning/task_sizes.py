"""How many rows a data set has to fine-tune on, and how many sequences a row makes."""

from gptpath.config.params import Params
from gptpath.finetune.suite.table import TABLE

_EMBEDDED = {"similarity": 2, "continuation": 4, "wording": 4}
_BY_KIND = {"similarity": 2, "regression": 2, "multiple-choice": 4}


def training_rows(params: Params, task: str) -> int:
    """About the training rows of a published set; of others what `ingest` makes of a task.

    A user's own files are not opened for an estimate: `finetune.max_train_examples` bounds them.
    """
    most = params.finetune.max_train_examples
    if task in TABLE:
        rows = TABLE[task].train_rows
    elif task in params.data_sets.own:
        rows = most or params.ingest.task_examples
    else:
        rows = params.ingest.task_examples
    return min(most or rows, rows)


def sequences_per_row(params: Params, task: str) -> int:
    """Sequences that a model reads for one row; of multiple choice four are assumed."""
    if task in TABLE:
        return _BY_KIND.get(TABLE[task].kind, 1)
    if task in params.data_sets.own:
        return _BY_KIND.get(params.data_sets.own[task].kind, 1)
    return _EMBEDDED.get(task, 1)
