"""Single sentences and pairs of GLUE: CoLA, SST-2, MRPC, STS-B, QQP (GPT-1 Table 4)."""

from dataclasses import replace

from gptpath.finetune.reading.delimited import Delimited
from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.structured import JsonDocument
from gptpath.finetune.suite.entry import NO_LABEL, Hub, Layout, Published, classes

GLUE_ID = "nyu-mll/glue"
GLUE_REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"

TSV = Delimited(delimiter="\t", quotes=False)
"""GLUE's files and those they are made from: a quotation mark is text."""

GLUE_SPLITS = (
    "test is GLUE's labelled dev split, since labels of its test split are hidden; validation is a "
    "part of train held back"
)

_COLA = Fields(
    kind="classification",
    texts={"text": "sentence"},
    classes=classes("0", "1"),
    unlabelled=NO_LABEL,
)
_COLA_TSV = replace(TSV, names=("source", "label", "mark", "sentence"))

COLA = Published(
    name="cola",
    title="CoLA",
    kind="classification",
    labels=("unacceptable", "acceptable"),
    metric="matthews",
    gpt1=45.4,
    table="GPT-1 Table 4",
    train_rows=8_551,
    layouts=(
        Layout(
            title="CoLA's public release, raw",
            folders=("cola/cola_public/raw", "cola_public/raw"),
            train=("in_domain_train.tsv",),
            test=("in_domain_dev.tsv", "out_of_domain_dev.tsv"),
            reader=_COLA_TSV,
            fields=_COLA,
            splits="test is the release's in-domain and out-of-domain dev together (GLUE's dev); "
            "validation is a part of in-domain train held back",
        ),
        Layout(
            title="GLUE's CoLA",
            folders=("cola", "CoLA", "glue/CoLA"),
            train=("train.tsv",),
            test=("dev.tsv",),
            reader=_COLA_TSV,
            fields=_COLA,
            splits=GLUE_SPLITS,
        ),
    ),
    hub=Hub(id=GLUE_ID, config="cola", revision=GLUE_REVISION, fields=_COLA, test="validation"),
)

_SST = Fields(
    kind="classification",
    texts={"text": "sentence"},
    classes=classes("0", "1"),
    unlabelled=NO_LABEL,
)

SST_2 = Published(
    name="sst-2",
    title="SST-2",
    kind="classification",
    labels=("negative", "positive"),
    metric="accuracy",
    gpt1=91.3,
    table="GPT-1 Table 4",
    train_rows=67_300,
    layouts=(
        Layout(
            title="GLUE's SST-2 with its dev as test.tsv",
            folders=("sst-2", "SST-2"),
            train=("train.tsv",),
            validation=("dev.tsv",),
            test=("test.tsv",),
            reader=TSV,
            fields=_SST,
            splits="train.tsv and dev.tsv are GLUE's training phrases, test.tsv its labelled dev "
            "split",
            needs=(("test.tsv", "label"),),
        ),
        Layout(
            title="GLUE's SST-2",
            folders=("sst-2", "SST-2", "glue/SST-2"),
            train=("train.tsv",),
            test=("dev.tsv",),
            reader=TSV,
            fields=_SST,
            splits=GLUE_SPLITS,
        ),
    ),
    hub=Hub(id=GLUE_ID, config="sst2", revision=GLUE_REVISION, fields=_SST, test="validation"),
)

_MRPC = Fields(
    kind="similarity",
    texts={"text_a": "#1 String", "text_b": "#2 String"},
    label="Quality",
    classes=classes("0", "1"),
)

MRPC = Published(
    name="mrpc",
    title="MRPC",
    kind="similarity",
    labels=("different", "paraphrase"),
    metric="f1",
    gpt1=82.3,
    table="GPT-1 Table 4",
    train_rows=4_076,
    layouts=(
        Layout(
            title="Microsoft Research Paraphrase Corpus",
            folders=("mrpc", "MRPC", "glue/MRPC", "msr-paraphrase-corpus"),
            train=("msr_paraphrase_train.txt",),
            test=("msr_paraphrase_test.txt",),
            reader=TSV,
            fields=_MRPC,
            splits="train and test are the release's; validation is a part of train held back",
        ),
        Layout(
            title="GLUE's MRPC",
            folders=("mrpc", "MRPC", "glue/MRPC"),
            train=("train.tsv",),
            test=("dev.tsv",),
            reader=TSV,
            fields=_MRPC,
            splits=GLUE_SPLITS,
        ),
    ),
    hub=Hub(
        id=GLUE_ID,
        config="mrpc",
        revision=GLUE_REVISION,
        fields=Fields(
            kind="similarity",
            texts={"text_a": "sentence1", "text_b": "sentence2"},
            classes=classes("0", "1"),
            unlabelled=NO_LABEL,
        ),
        validation="validation",
        test="test",
    ),
)

_STS = Fields(
    kind="regression",
    texts={"text_a": "sentence1", "text_b": "sentence2"},
    label="score",
    score_range=(0.0, 5.0),
)

STS_B = Published(
    name="sts-b",
    title="STS-B",
    kind="regression",
    labels=(),
    metric="pearson",
    gpt1=82.0,
    table="GPT-1 Table 4",
    train_rows=5_749,
    score_range=(0.0, 5.0),
    layouts=(
        Layout(
            title="STS Benchmark",
            folders=("stsbenchmark", "sts-b/stsbenchmark", "sts-b"),
            train=("sts-train.csv",),
            validation=("sts-dev.csv",),
            test=("sts-test.csv",),
            reader=Delimited(  # tabs in spite of the ending; the two last columns may be missing
                delimiter="\t",
                quotes=False,
                names=(
                    *("genre", "filename", "year", "old_index", "score"),
                    *("sentence1", "sentence2", "source1", "source2"),
                ),
                optional_columns=2,
            ),
            fields=_STS,
            splits="the benchmark's own train, dev and test",
        ),
        Layout(
            title="GLUE's STS-B",
            folders=("sts-b", "STS-B", "glue/STS-B"),
            train=("train.tsv",),
            test=("dev.tsv",),
            reader=TSV,
            fields=_STS,
            splits=GLUE_SPLITS,
        ),
    ),
    hub=Hub(
        id=GLUE_ID,
        config="stsb",
        revision=GLUE_REVISION,
        fields=replace(_STS, label="label", unlabelled=NO_LABEL),
        test="validation",
    ),
)

_QQP = Fields(
    kind="similarity",
    texts={"text_a": "question1", "text_b": "question2"},
    label="is_duplicate",
    classes=classes("0", "1"),
)

QQP = Published(
    name="qqp",
    title="QQP",
    kind="similarity",
    labels=("different", "duplicate"),
    metric="f1",
    gpt1=70.3,
    table="GPT-1 Table 4",
    train_rows=364_000,
    layouts=(
        Layout(
            title="GLUE's QQP",
            folders=("qqp", "QQP", "glue/QQP"),
            train=("train.tsv",),
            test=("dev.tsv",),
            reader=TSV,
            fields=_QQP,
            splits=GLUE_SPLITS,
        ),
        Layout(
            title="10,000 pairs of GLUE's QQP",
            folders=("qqp/sample_10k",),
            train=("train.json",),
            test=("dev.json",),
            reader=JsonDocument(),
            fields=Fields(
                kind="similarity",
                texts={"text_a": "text_a", "text_b": "text_b"},
                classes=classes("0", "1"),
            ),
            splits="all rows are a sample of GLUE's train: test is the sample's dev.json, "
            "validation a part of its train.json held back",
        ),
    ),
    hub=Hub(
        id=GLUE_ID,
        config="qqp",
        revision=GLUE_REVISION,
        fields=replace(_QQP, label="label", unlabelled=NO_LABEL),
        test="validation",
    ),
)
