"""The table of GPT-1's data sets, in the order of its Tables 2 to 4."""

from collections.abc import Mapping

from gptpath.finetune.suite.choices import RACE, RACE_H, RACE_M, STORY_CLOZE
from gptpath.finetune.suite.entry import Published
from gptpath.finetune.suite.inference import MNLI_M, MNLI_MM, QNLI, RTE, SCITAIL, SNLI
from gptpath.finetune.suite.sentences import COLA, MRPC, QQP, SST_2, STS_B

TABLE: Mapping[str, Published] = {
    entry.name: entry
    for entry in (
        *(MNLI_M, MNLI_MM, SNLI, SCITAIL, QNLI, RTE),
        *(STORY_CLOZE, RACE_M, RACE_H, RACE),
        *(COLA, SST_2, MRPC, STS_B, QQP),
    )
}
"""By the name in `matrix.finetune_tasks`."""
