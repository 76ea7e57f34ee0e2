from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from tasks import sub_runs
from tasks.sub_runs import SubRuns


@pytest.mark.parametrize(
    ("deployed", "crashed", "stopped"),
    [(True, True, False), (True, False, True), (False, True, True), (False, False, True)],
)
def test_sub_runs_go_on_only_for_a_parent_that_will_run_again(
    monkeypatch: pytest.MonkeyPatch, deployed: bool, crashed: bool, stopped: bool
) -> None:
    parent = SimpleNamespace(id=uuid4(), deployment_id=uuid4() if deployed else None)
    context = SimpleNamespace(get=lambda: SimpleNamespace(flow_run=parent))
    told: list[UUID] = []
    monkeypatch.setattr(sub_runs, "FlowRunContext", context)
    monkeypatch.setattr(sub_runs, "cancel_sub_runs", told.append)
    SubRuns("train-model/worker").abandon(crashed=crashed)
    assert told == [parent.id] * stopped
