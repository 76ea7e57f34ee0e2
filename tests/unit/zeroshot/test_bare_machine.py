"""A machine with torch, numpy, tiktoken and transformers' own needs asks every task."""

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys

class Refuse:
    names = {"polars", "pydantic", "ruamel", "mlflow", "prefect", "dvc", "sklearn", "scipy",
             "pandas", "rouge_score", "sacrebleu", "datasets", "rustbpe", "ftfy"}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name in Refuse.names else found(name, *a)

from pathlib import Path
import torch
import gptpath.stages.reproducing
from gptpath.config.model import ModelConfig
from gptpath.config.zeroshot import PROMPT_TASKS
from gptpath.model.build import build_model
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.zeroshot.intervals import Resampling
from gptpath.zeroshot.item_files import read_items, write_items
from gptpath.zeroshot.prompts import shipped_task
from gptpath.zeroshot.results import Reporter
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.suite import AbsentError, Sources, prepare

for name in PROMPT_TASKS:
    shipped_task(name)
folder = Path(sys.argv[1])
write_tokenizer(folder / "tokenizer", [bytes([b]) for b in range(256)], name="bytes")
encoding = load_encoding(folder / "tokenizer")
(folder / "lambada").mkdir()
(folder / "lambada/lambada_test.jsonl").write_text('{"text": "and so it ends"}\\n' * 3)
(folder / "openbookqa").mkdir()
(folder / "openbookqa/openbook_qa.jsonl").write_text(
    '{"query": "So", "choices": ["a", "b"], "gold": 1}\\n' * 3)
config = ModelConfig(norm="pre", n_layer=1, n_head=2, n_embd=16, context_length=32, vocab_size=257)
scorer = Scorer(build_model(config, seed=1).eval(), encoding, batch_size=4)
sources = Sources(benchmarks=folder, encoding=encoding, context_length=32, max_items=None, seed=0)
try:
    prepare("cnn-dailymail", sources)
except AbsentError as reason:
    assert "rouge_score" in str(reason)
else:
    raise AssertionError("rouge_score is not here")
for name in ("lambada", "openbookqa"):
    report = Reporter(task=name, resampling=Resampling(samples=20, seed=0))
    result = prepare(name, sources).score(scorer, report)
    print(write_items(folder / name, result.records).name, len(list(read_items(folder / name))))
"""


def test_every_task_can_be_prepared_and_asked_without_the_yaml_and_data_frame_tools(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["items.jsonl", "3", "items.jsonl", "3"]
