"""Stage `scaling`: loss and zero-shot scores against size, with fits (GPT-2 Fig. 1).

Reads metrics/pretrain and metrics/zeroshot of every model of the matrix; writes
metrics/scaling.json. Fits run over scaling.models alone.
"""

from gptpath.events import Progress
from gptpath.scaling.points import read_point
from gptpath.scaling.summary import summarise
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.json_files import write_json


def run(context: StageContext) -> StageOutcome:
    """Summarise all models; raises PipelineError naming the stage whose metrics are missing."""
    settings = context.params.scaling
    models = context.params.matrix.models
    points = [read_point(context.path("metrics"), model) for model in models]
    summary = summarise(
        points, settings.models, samples=settings.bootstrap_samples, seed=context.params.seed
    )
    write_json(context.path("metrics", "scaling.json"), summary)
    context.emit(Progress(done=len(points), total=len(points), what="models"))
    metrics = {
        f"scaling/{section}/{key}": float(summary[section][key])
        for section, key in (("loss_fit", "exponent"), ("prediction", "relative_error"))
        if key in summary[section]
    }
    return StageOutcome(metrics=metrics)
