"""Deployment files against the flows that they deploy; pool templates against Prefect's own."""

import importlib
import inspect
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import prefect
import pytest
from prefect import Flow
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
HERE: list[dict[str, Any]] = YAML(typ="safe").load(ROOT / "prefect.yaml")["deployments"]
CLONED: list[dict[str, Any]] = YAML(typ="safe").load(ROOT / "deploy/prefect-clone.yaml")[
    "deployments"
]
POOLS = ("docker", "kubernetes")
PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")


def flow_of(deployment: dict[str, Any]) -> Flow[..., Any]:
    path, name = deployment["entrypoint"].split(":")
    assert (ROOT / path).is_file()
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    return getattr(module, name)


@pytest.mark.parametrize("deployment", [*HERE, *CLONED], ids=lambda one: one["name"])
def test_a_deployment_names_a_flow_and_parameters_that_it_takes(deployment) -> None:
    deployed = flow_of(deployment)
    assert isinstance(deployed, Flow)
    given = deployment.get("parameters", {})
    assert set(given) <= set(inspect.signature(deployed.fn).parameters)
    if "model" not in inspect.signature(deployed.fn).parameters:  # given by each sweep
        deployed.validate_parameters(given)


def test_what_writes_to_a_checkout_runs_in_its_pool_one_at_a_time() -> None:
    for deployment in HERE:
        worker = deployment["name"] == "worker"
        assert deployment["work_pool"] == {"name": "gptpath-models" if worker else "gptpath"}
        assert worker or deployment["concurrency_limit"]["limit"] == 1


def test_the_documented_worker_deploys_its_own_checkout_into_pools_that_exist() -> None:
    docs = (ROOT / "docs" / "operations.md").read_text()
    lines = [line for line in docs.splitlines() if " exec " in line and " worker" in line]
    checkout = re.search(r"GPTPATH_CHECKOUT=(\S+)", (ROOT / "deploy/container-worker").read_text())
    assert checkout
    assert all(f"--workdir {checkout[1]} " in line for line in lines), "it starts elsewhere"
    compose = (ROOT / "deploy/compose.yaml").read_text()
    own = re.findall(r"GPTPATH_POOL: \$\{GPTPATH_POOL:-(\S+)\}", compose)
    made = re.findall(r"^\$IN prefect work-pool create (\S+) --type process", docs, re.MULTILINE)
    assert {*own, *made} == {one["work_pool"]["name"] for one in HERE}


def test_nobody_is_asked_where_the_code_of_a_deployment_lies() -> None:
    assert tomllib.loads((ROOT / "prefect.toml").read_text())["cli"]["prompt"] is False


def test_every_flow_of_the_project_is_deployed() -> None:
    deployed = {one["entrypoint"].split(":")[0] for one in HERE}
    assert deployed == {f"flows/{path.name}" for path in (ROOT / "flows").glob("[a-z]*.py")}


def test_every_flow_of_a_checkout_goes_on_after_a_crash() -> None:
    for deployment in HERE:
        hooks = {hook.__name__ for hook in flow_of(deployment).on_crashed_hooks}
        # The sweep itself starts its models again.
        assert hooks == (set() if deployment["name"] == "worker" else {"go_on_after_crash"})


def test_results_of_a_clone_leave_it() -> None:
    for deployment in CLONED:
        if deployment["name"] != "clone-worker":
            assert deployment["parameters"] == {"push": True, "commit_to": "results"}


def test_a_clone_in_the_workers_image_has_an_identity_to_commit_with() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text().partition("AS worker")[2]
    for key in ("user.name", "user.email"):
        assert f"git config --system {key} " in dockerfile


def template(kind: str) -> dict[str, Any]:
    return json.loads((ROOT / f"deploy/pools/{kind}-gpu.json").read_text())


def shipped(kind: str) -> dict[str, Any]:
    """The template of a new pool of this kind, as Prefect's server has it."""
    collections = Path(prefect.__file__).parent / "server/api/collections_data/views"
    known = json.loads((collections / "aggregate-worker-metadata.json").read_text())
    return known[f"prefect-{kind}"][kind]["default_base_job_configuration"]


def holds(own: Any, base: Any) -> bool:
    """Whether `own` is `base` with additions: what a worker requires of a manifest is in there."""
    if isinstance(base, dict):
        return all(key in own and holds(own[key], value) for key, value in base.items())
    if isinstance(base, list):
        return all(holds(one, other) for one, other in zip(own, base, strict=True))
    return own == base


@pytest.mark.parametrize("kind", POOLS)
def test_a_pool_has_all_that_prefects_own_template_has(kind: str) -> None:
    own, base = template(kind), shipped(kind)
    assert holds(own["job_configuration"], base["job_configuration"])
    assert own["variables"]["properties"].keys() >= base["variables"]["properties"].keys()
    for name, value in base["variables"]["properties"].items():
        assert own["variables"]["properties"][name].get("type") == value.get("type")


@pytest.mark.parametrize("kind", POOLS)
def test_every_variable_of_a_pool_is_used_and_every_use_is_a_variable(kind: str) -> None:
    content = template(kind)
    used = set(PLACEHOLDER.findall(json.dumps(content["job_configuration"])))
    assert used == set(content["variables"]["properties"])


@pytest.mark.parametrize("kind", POOLS)
def test_the_defaults_of_a_pool_fit_their_own_schema(kind: str) -> None:
    schema = template(kind)["variables"]
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {
        name: one["default"] for name, one in schema["properties"].items() if "default" in one
    }
    jsonschema.validate(defaults, schema)


def test_a_container_gets_gpus_and_a_place_that_outlives_it() -> None:
    docker = template("docker")["job_configuration"]["container_create_kwargs"]
    assert docker["device_requests"][0]["capabilities"] == [["gpu"]]
    assert any(
        one.endswith(":/gptpath")
        for one in template("docker")["variables"]["properties"]["volumes"]["default"]
    )
    pod = template("kubernetes")["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "{{ gpu_count }}"
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert mounts.keys() == {one["name"] for one in pod["volumes"]}
    assert mounts["checkouts"] == "/gptpath"
