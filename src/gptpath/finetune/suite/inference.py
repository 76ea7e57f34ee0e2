"""Natural language inference: MNLI, SNLI, SciTail, QNLI, RTE (GPT-1 Table 2)."""

from dataclasses import replace

from gptpath.finetune.reading.delimited import Delimited
from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.structured import JsonDocument, JsonLines
from gptpath.finetune.suite.entry import NO_LABEL, Hub, Layout, Published, classes
from gptpath.finetune.suite.sentences import GLUE_ID, GLUE_REVISION, GLUE_SPLITS, TSV

SNLI_REVISION = "cdb5c3d5eed6ead6e5a341c8e56e669bb666725b"
SCITAIL_REVISION = "0cc4353235b289165dfde1c7c5d1be983f99ce44"

THREE = ("entailment", "neutral", "contradiction")

_GOLD = Fields(
    kind="entailment",
    texts={"premise": "sentence1", "hypothesis": "sentence2"},
    label="gold_label",
    classes=classes(*THREE),
    unlabelled=NO_LABEL,
)
"""SNLI's and MultiNLI's own names."""
_NUMBERED = Fields(
    kind="entailment",
    texts={"premise": "premise", "hypothesis": "hypothesis"},
    classes=classes("0", "1", "2"),
    unlabelled=NO_LABEL,
)
"""The hub's, and those of files made from it."""


def _mnli(name: str, title: str, dev: str, score: float, more: tuple[Layout, ...]) -> Published:
    """MNLI with the matched or the mismatched test set; training rows are the same."""
    splits = (
        f"test is the labelled dev_{dev}, since labels of the test set are hidden; validation is a "
        "part of train held back"
    )
    return Published(
        name=name,
        title=title,
        kind="entailment",
        labels=THREE,
        metric="accuracy",
        gpt1=score,
        table="GPT-1 Table 2",
        train_rows=393_000,
        layouts=(
            Layout(
                title="GLUE's MNLI",
                folders=("mnli", "MNLI", "glue/MNLI"),
                train=("train.tsv",),
                test=(f"dev_{dev}.tsv",),
                reader=TSV,
                fields=_GOLD,
                splits=splits,
            ),
            Layout(
                title="MultiNLI 1.0",
                folders=("multinli_1.0", "mnli/multinli_1.0", "mnli", "MNLI/original"),
                train=("multinli_1.0_train.jsonl",),
                test=(f"multinli_1.0_dev_{dev}.jsonl",),
                reader=JsonLines(),
                fields=_GOLD,
                splits=splits,
            ),
            *more,
        ),
        hub=Hub(
            id=GLUE_ID,
            config="mnli",
            revision=GLUE_REVISION,
            fields=_NUMBERED,
            test=f"validation_{dev}",
        ),
    )


MNLI_M = _mnli(
    "mnli-m",
    "MNLI-m",
    "matched",
    82.1,
    (
        Layout(
            title="10,000 pairs of GLUE's MNLI",
            folders=("mnli/sample_10k",),
            train=("train.json",),
            test=("dev.json",),
            reader=JsonDocument(),
            fields=Fields(
                kind="entailment",
                texts={"premise": "text_a", "hypothesis": "text_b"},
                classes=classes(*THREE),
            ),
            splits="all rows are a sample of GLUE's train: test is the sample's dev.json, "
            "validation a part of its train.json held back",
        ),
    ),
)
MNLI_MM = _mnli("mnli-mm", "MNLI-mm", "mismatched", 81.4, ())


def _snli(title: str, ending: str, reader: JsonLines | Delimited) -> Layout:
    return Layout(
        title=title,
        folders=("snli_1.0", "snli/snli_1.0", "snli"),
        train=(f"snli_1.0_train.{ending}",),
        validation=(f"snli_1.0_dev.{ending}",),
        test=(f"snli_1.0_test.{ending}",),
        reader=reader,
        fields=_GOLD,
        splits="SNLI's own train, dev and test",
    )


_BECEL = Layout(
    title="BECEL's SNLI",
    folders=("snli/becel", "becel/snli"),
    train=("train.tsv",),
    validation=("validation.tsv",),
    test=("test.tsv",),
    reader=Delimited(delimiter="\t", quotes=True),  # written by a table library
    fields=_NUMBERED,
    splits="SNLI's own train, dev and test",
)

SNLI = Published(
    name="snli",
    title="SNLI",
    kind="entailment",
    labels=THREE,
    metric="accuracy",
    gpt1=89.9,
    table="GPT-1 Table 2",
    train_rows=549_000,
    layouts=(
        _snli("SNLI 1.0", "jsonl", JsonLines()),
        _snli("SNLI 1.0 as text", "txt", TSV),
        _BECEL,
        replace(
            _BECEL,
            title="BECEL's SNLI without train",
            train=("validation.tsv",),
            validation=(),
            splits="SNLI's train split is not here: train is most of its dev split, validation "
            "the rest of it by premise, test its test split",
        ),
    ),
    hub=Hub(
        id="stanfordnlp/snli",
        config="plain_text",
        revision=SNLI_REVISION,
        fields=_NUMBERED,
        validation="validation",
        test="test",
    ),
)

_SCITAIL = Fields(
    kind="entailment",
    texts={"premise": "premise", "hypothesis": "hypothesis"},
    classes=classes("neutral", "entails"),
)

SCITAIL = Published(
    name="scitail",
    title="SciTail",
    kind="entailment",
    labels=("neutral", "entailment"),
    metric="accuracy",
    gpt1=88.3,
    table="GPT-1 Table 2",
    train_rows=23_600,
    layouts=(
        Layout(
            title="SciTail 1.1, tsv_format",
            folders=("SciTailV1.1/tsv_format", "scitail/tsv_format", "scitail"),
            train=("scitail_1.0_train.tsv",),
            validation=("scitail_1.0_dev.tsv",),
            test=("scitail_1.0_test.tsv",),
            reader=replace(TSV, names=("premise", "hypothesis", "label")),
            fields=_SCITAIL,
            splits="SciTail's own train, dev and test",
        ),
        Layout(
            title="SciTail 1.1, snli_format",
            folders=("SciTailV1.1/snli_format", "scitail/snli_format"),
            train=("scitail_1.0_train.txt",),
            validation=("scitail_1.0_dev.txt",),
            test=("scitail_1.0_test.txt",),
            reader=JsonLines(),
            fields=replace(_GOLD, classes=classes("neutral", "entailment")),
            splits="SciTail's own train, dev and test",
        ),
    ),
    hub=Hub(
        id="allenai/scitail",
        config="tsv_format",
        revision=SCITAIL_REVISION,
        fields=_SCITAIL,
        validation="validation",
        test="test",
    ),
)

_TWO = ("entailment", "not_entailment")


def _two_way(name: str, title: str, score: float, rows: int, first: str, second: str) -> Published:
    """QNLI or RTE: GLUE alone publishes them so."""
    fields = Fields(
        kind="entailment",
        texts={"premise": first, "hypothesis": second},
        classes=classes(*_TWO),
        unlabelled=NO_LABEL,
    )
    return Published(
        name=name,
        title=title,
        kind="entailment",
        labels=_TWO,
        metric="accuracy",
        gpt1=score,
        table="GPT-1 Table 2",
        train_rows=rows,
        layouts=(
            Layout(
                title=f"GLUE's {title}",
                folders=(name, title, f"glue/{title}", f"{name}/glue"),
                train=("train.tsv",),
                test=("dev.tsv",),
                reader=TSV,
                fields=fields,
                splits=GLUE_SPLITS,
            ),
        ),
        hub=Hub(
            id=GLUE_ID,
            config=name,
            revision=GLUE_REVISION,
            fields=replace(fields, classes=classes("0", "1")),
            test="validation",
        ),
    )


QNLI = _two_way("qnli", "QNLI", 88.1, 105_000, "question", "sentence")
RTE = _two_way("rte", "RTE", 56.0, 2_490, "sentence1", "sentence2")
