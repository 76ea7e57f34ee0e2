"""Questions with several answers: Story Cloze and RACE (GPT-1 Table 3)."""

import numpy as np

from gptpath.finetune.reading.collect import Items
from gptpath.finetune.reading.delimited import Delimited
from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.structured import JsonLines, Passages
from gptpath.finetune.suite.entry import Hub, Layout, Published, Reader, classes

RACE_REVISION = "2fec9fd81f1dc971569a9b729c43f2f0e6436637"

ROC_VALIDATION = 374
ROC_SEED = 3535999445
"""The released code's split of the validation stories (finetune-transformer-lm, datasets.py)."""


def roc_split(items: Items) -> tuple[Items, Items]:
    """The released code's 1,497 training and 374 validation stories of 1,871.

    A legacy shuffle as scikit-learn's train_test_split makes it. Of another number of stories a
    fifth is held back.
    """
    held = min(ROC_VALIDATION, max(1, len(items) // 5))
    order = np.random.RandomState(ROC_SEED).permutation(len(items))
    return [items[i] for i in order[held:]], [items[i] for i in order[:held]]


STORY_CLOZE = Published(
    name="story-cloze",
    title="Story Cloze",
    kind="multiple-choice",
    labels=(),
    metric="accuracy",
    gpt1=86.5,
    table="GPT-1 Table 3",
    train_rows=1_497,
    layouts=(
        Layout(
            title="Story Cloze, spring 2016",
            folders=("story-cloze", "storycloze", "rocstories", "ROCStories"),
            train=("cloze_test_val__spring2016 - cloze_test_ALL_val.csv",),
            test=("cloze_test_test__spring2016 - cloze_test_ALL_test.csv",),
            reader=Delimited(delimiter=",", quotes=True),
            fields=Fields(
                kind="multiple-choice",
                texts={
                    "context": tuple(f"InputSentence{i}" for i in range(1, 5)),
                    "choices": ("RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2"),
                },
                label="AnswerRightEnding",
                classes=classes("1", "2"),
            ),
            splits="the released code's: train and validation are its seeded split of the official "
            "validation stories, test the official test stories",
            carve=roc_split,
        ),
    ),
)

_RACE = Fields(
    kind="multiple-choice",
    texts={"context": "article", "question": "question", "choices": "options"},
    label="answer",
    classes=classes("A", "B", "C", "D"),
)


def _race(name: str, title: str, score: float, rows: int, level: str, config: str) -> Published:
    """RACE of the middle schools, of the high schools, or both."""
    official: Reader = Passages()
    folder = level or "*"
    return Published(
        name=name,
        title=title,
        kind="multiple-choice",
        labels=(),
        metric="accuracy",
        gpt1=score,
        table="GPT-1 Table 3",
        train_rows=rows,
        only=("example_id", level) if level else None,
        layouts=(
            Layout(
                title="RACE",
                folders=("race/RACE", "RACE", "race"),
                train=(f"train/{folder}/*.txt",),
                validation=(f"dev/{folder}/*.txt",),
                test=(f"test/{folder}/*.txt",),
                reader=official,
                fields=_RACE,
                splits="RACE's own train, dev and test",
            ),
            Layout(
                title="RACE, one file of questions",
                folders=("race",),
                train=("race.jsonl",),
                reader=JsonLines(),
                fields=_RACE,
                splits="the official splits are not here: train, validation and test are parts of "
                "race.jsonl, no passage in two",
            ),
        ),
        hub=Hub(
            id="ehovy/race",
            config=config,
            revision=RACE_REVISION,
            fields=_RACE,
            validation="validation",
            test="test",
        ),
    )


RACE_M = _race("race-m", "RACE-m", 62.9, 25_400, "middle", "middle")
RACE_H = _race("race-h", "RACE-h", 57.4, 62_400, "high", "high")
RACE = _race("race", "RACE", 59.0, 87_900, "", "all")
