"""prefect.yaml against the flows that it deploys."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
DEPLOYMENTS: list[dict[str, Any]] = YAML(typ="safe").load(ROOT / "prefect.yaml")["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_a_deployment_names_a_flow_and_parameters_that_it_takes(deployment) -> None:
    path, name = deployment["entrypoint"].split(":")
    assert (ROOT / path).is_file()
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    deployed = getattr(module, name)
    assert isinstance(deployed, Flow)
    taken = inspect.signature(deployed.fn).parameters
    assert set(deployment.get("parameters", {})) <= set(taken)
    deployed.validate_parameters(deployment.get("parameters", {}))


def test_all_run_in_the_pool_one_at_a_time() -> None:
    for deployment in DEPLOYMENTS:
        assert deployment["work_pool"] == {"name": "gptpath"}
        assert deployment["concurrency_limit"]["limit"] == 1


def test_every_flow_of_the_project_is_deployed() -> None:
    deployed = {one["entrypoint"].split(":")[0] for one in DEPLOYMENTS}
    assert deployed == {f"flows/{path.name}" for path in (ROOT / "flows").glob("[a-z]*.py")}
