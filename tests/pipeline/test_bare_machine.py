"""Training and evaluation where only torch, numpy, tiktoken and safetensors are installed."""

import json
import subprocess
import sys
from pathlib import Path

from tests.parity.ranks import RECIPE, job_in, write_data

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, sys

for absent in ("prefect", "mlflow", "dvc", "polars", "pandas", "pydantic", "ruamel", "psutil",
               "scipy", "sklearn", "rustbpe", "ftfy", "transformers", "matplotlib", "jinja2"):
    sys.modules[absent] = None

from pathlib import Path

import numpy as np

from gptpath.events import ignore
from gptpath.model.folder import load_model
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.shards import open_split
from gptpath.train.job import TrainingJob, train
from gptpath.train.stopping import StopSignal
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.scoring import Scorer

job = TrainingJob.read(Path(sys.argv[1]))
result = train(job, stop=StopSignal(), emit=ignore)
folder = job.scratch / "model"
scorer = Scorer(load_model(folder), load_encoding(folder / "tokenizer"), batch_size=4)
held_out = open_split(job.tokens, "validation")
likelihood = scorer.rolling(held_out.read(0, len(held_out)).astype(np.int64))
choices = scorer.log_likelihoods([Request(context="()*", continuations=("+", "z"))])
print(json.dumps({
    "losses": [row["loss"] for row in result.history.train],
    "final": result.final.loss,
    "rolling": -likelihood.mean,
    "likelier": choices[0][0].total > choices[0][1].total,
}))
"""


def test_a_model_is_trained_and_evaluated_without_the_pipelines_libraries(tmp_path):
    write_data(tmp_path)
    job = job_in(tmp_path, tmp_path / "scratch", micro_batch_size_sequences="auto")
    job.write(tmp_path / "job.json")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path / "job.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["losses"]) == RECIPE.steps
    assert found["losses"][-1] < found["losses"][0] - 0.8
    # The same tokens in windows that begin with end of text instead of the token before.
    assert abs(found["rolling"] - found["final"]) < 0.2
    assert found["likelier"]
