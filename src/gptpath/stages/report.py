"""Stage `report`: one self-contained page of everything that came out."""

import os

from gptpath.events import Progress
from gptpath.report.lineage import read_lineage
from gptpath.report.page import render_page
from gptpath.report.results import load_results
from gptpath.stages.context import StageContext, StageOutcome


def run(context: StageContext) -> StageOutcome:
    """Write reports/index.html from metrics/, ledger/ and dvc.lock.

    Raises:
        PipelineError: A metrics file is missing; the message names the stage to run.
    """
    results = load_results(context.root, context.params)
    page = render_page(results, read_lineage(context.path("dvc.lock"), results))
    target = context.path("reports", "index.html")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, target)
    context.emit(Progress(done=1, total=1, what="pages"))
    return StageOutcome()
