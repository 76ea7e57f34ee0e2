"""prefect.yaml on a real Prefect server: what is deployed with a schedule gets runs."""

from pathlib import Path

import pytest

from tests.pipeline.prefect_server import SECONDS, serving, wait_until


@pytest.mark.slow
def test_all_is_deployed_and_the_nightly_retraining_is_scheduled(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for pool in ("gptpath", "gptpath-models"):
            server.prefect("work-pool", "create", pool, "--type", "process")
        server.prefect("deploy", "--all")
        deployed = {one["name"]: one for one in server.ask("deployments/filter", {})}
        assert set(deployed) == {"laptop", "nightly", "sweep", "worker"}
        for name in ("laptop", "nightly", "sweep"):
            assert deployed[name]["global_concurrency_limit"]["limit"] == 1
        wait_until(lambda: server.runs("retrain/nightly"), SECONDS)
        runs = server.runs("retrain/nightly")
    assert {run["state_type"] for run in runs} == {"SCHEDULED"}
    assert all("T03:00:00" in run["expected_start_time"] for run in runs)
