"""The gate as a Prefect task: a child process decides on the trained models and promotes."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from gptpath.errors import PipelineError
from gptpath.stages.stopping import FLOW_PROCESS
from gptpath.tracking.decisions import undecided
from gptpath.tracking.recorder import FLOW_RUN, PARENT_RUN
from gptpath.tracking.store import open_client, tracking_is_on
from tasks.dvc import dvc_environment
from tasks.records import FlowTools
from tasks.stage import artifact_key, explain


@dataclass(frozen=True, kw_only=True, slots=True)
class GateVerdict:
    """What the gate said of one model."""

    model: str
    """Registered name."""
    version: str
    verdict: str
    """`promote`, `refuse`, `superseded` or `unchanged` (docs/gate.md)."""
    sentence: str


def undecided_models(root: Path, models: Sequence[str]) -> tuple[str, ...]:
    """Models trained here that no gate has decided on; PipelineError where tracking is off.

    Those that still wait for the registry are registered first.
    """
    if not tracking_is_on():
        raise PipelineError("a retraining needs MLflow's registry; unset GPTPATH_TRACKING")
    client = open_client(root)
    from gptpath.tracking.delivery import deliver_leftovers

    deliver_leftovers(client, root)
    return undecided(client, root, models)


@task(name="gate", cache_policy=NO_CACHE)
def decide_on(root: Path, models: Sequence[str], tools: FlowTools) -> list[GateVerdict]:
    """Compare the models with their champions, promote, and show the evidence in Prefect."""
    log, lines = get_run_logger(), list[str]()

    def take(line: str) -> None:
        lines.append(line)
        log.info(line)

    flow = {
        FLOW_PROCESS: str(os.getpid()),
        FLOW_RUN: tools.flow_run_id,
        PARENT_RUN: tools.record.run_id or "",
    }
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "decisions.json"
        code = tools.children.run(
            [sys.executable, "-m", "gptpath.cli", "gate", *models, "--json", str(said)],
            cwd=root,
            env=dvc_environment(root) | flow,
            on_line=take,
        )
        if code != 0:
            raise PipelineError(f"the gate failed: {explain(lines, code)}")
        decisions: list[dict[str, Any]] = json.loads(said.read_text(encoding="utf-8"))
    for decision in decisions:
        key = artifact_key("gate", decision["model"])
        create_markdown_artifact(key=key, markdown=decision["page"])
    return [
        GateVerdict(
            model=decision["model"],
            version=decision["challenger"]["version"],
            verdict=decision["verdict"],
            sentence=decision["sentence"],
        )
        for decision in decisions
    ]
