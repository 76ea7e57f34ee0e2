"""The MLflow run of a whole flow run: parent of its stages' runs, links to those it skipped."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gptpath.tracking.outbox import Outbox
from gptpath.tracking.recorder import Status
from gptpath.tracking.revision import read_revision
from gptpath.tracking.store import experiment_id, open_client, tracking_is_on, tracking_uri

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

VERSION = "gptpath.version"
"""Tag of a stage's run: the digest of its entry in dvc.lock."""

logger = logging.getLogger(__name__)


class FlowRecord:
    """The parent run; does nothing where tracking is off. Safe to use from several threads.

    A store that goes away meanwhile costs links, which the next flow run makes, not the flow.
    """

    def __init__(self, client: "MlflowClient | None", outbox: "Outbox | None") -> None:
        self._client, self._outbox = client, outbox
        self.run_id = outbox.state.run_id if outbox else None

    def link(
        self,
        name: str,
        stage_run: str | None,
        *,
        version: str,
        outs: Mapping[str, str],
        skipped: bool,
    ) -> str | None:
        """Tag a stage's run with what DVC made of it; point to the run of a skipped stage.

        `stage_run` is the run that the stage's ledger names. A stage that keeps no ledger is
        looked up: by its version if it was skipped, among this flow's runs if it ran. Returns
        the run that was linked, None where there is none.
        """
        if self._client is None or self.run_id is None:
            return stage_run
        from mlflow.exceptions import MlflowException

        known = {VERSION: version} if skipped else {"mlflow.parentRunId": self.run_id}
        try:
            stage_run = stage_run or _find(self._client, self.run_id, name, known)
            if stage_run is not None and skipped:
                key = f"gptpath.linked.{name.replace('@', '/')}"
                self._client.set_tag(self.run_id, key, stage_run)
        except MlflowException as error:
            logger.warning("stage %s is not linked to its MLflow run: %s", name, error)
            return stage_run
        if stage_run is not None:
            _tag(self._client, stage_run, name, version, outs)
        return stage_run

    def finish(self, status: Status) -> None:
        """End the run."""
        if self._client is None or self._outbox is None:
            return
        from gptpath.tracking.delivery import deliver_end

        self._outbox.end(status, int(time.time() * 1000))
        self._outbox.close(delivered=deliver_end(self._client, self._outbox))


def _tag(
    client: "MlflowClient", run: str, name: str, version: str, outs: Mapping[str, str]
) -> None:
    from mlflow.entities import RunTag
    from mlflow.exceptions import MlflowException

    tags = [RunTag(VERSION, version)]
    tags += [RunTag(f"gptpath.out.{path}", md5) for path, md5 in outs.items()]
    try:
        client.log_batch(run, tags=tags)
    except MlflowException as error:
        logger.info("the MLflow run %s of %s takes no tags: %s", run, name, error)


def open_flow_record(
    root: Path, profile: str, *, flow: str, flow_run_id: str, flow_run_name: str
) -> FlowRecord:
    """Open the parent run of a Prefect flow run; PipelineError when the store does not answer."""
    if not tracking_is_on():
        return FlowRecord(None, None)
    client = open_client(root)
    from gptpath.tracking.delivery import deliver_leftovers

    deliver_leftovers(client, root)
    revision = read_revision(root)
    run = client.create_run(
        experiment_id(client, root, profile),
        run_name=f"{flow} {flow_run_name}",
        tags={
            "gptpath.flow": flow,
            "gptpath.profile": profile,
            "gptpath.git_dirty": str(revision.dirty).lower(),
            "mlflow.source.git.commit": revision.commit,
            "prefect.flow_run_id": flow_run_id,
            "prefect.flow_run_name": flow_run_name,
        },
    )
    return FlowRecord(client, Outbox.create(root, run.info.run_id, tracking_uri(root)))


def _find(client: "MlflowClient", flow_run: str, name: str, tags: Mapping[str, str]) -> str | None:
    """Return the newest run of a stage, in the flow's experiment, that has the tags."""
    wanted = {**tags, "mlflow.runName": name}
    found = client.search_runs(
        [client.get_run(flow_run).info.experiment_id],
        " and ".join(f"tags.`{key}` = '{value}'" for key, value in wanted.items()),
        max_results=1,
    )
    return found[0].info.run_id if found else None
