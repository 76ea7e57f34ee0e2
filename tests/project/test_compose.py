"""deploy/ without Docker: the file fits its schema, and gives nothing away by default."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.compose_file import COMPOSE, DEPLOY, VARIABLE, filled, raw, required_variables

SERVICES = raw()["services"]
EXAMPLE = (DEPLOY / "example.env").read_text()
SECRET = re.compile(r"PASSWORD|SECRET|AUTH|ACCESS_KEY")
PASSWORD_IN_ADDRESS = re.compile(r"://[^/@\s]*:(?P<password>[^@\s]*)@")


def values(name: str) -> dict[str, str]:
    return SERVICES[name].get("environment", {})


def test_the_file_fits_the_schema_of_the_compose_specification() -> None:
    pytest.importorskip("check_jsonschema")
    schema = ("--builtin-schema", "vendor.compose-spec")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(COMPOSE)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_databases_the_s3_server_both_servers_and_a_worker_are_there() -> None:
    assert set(SERVICES) == {"postgres", "s3", "buckets", "prefect", "mlflow", "worker"}


def test_without_gpus_the_worker_asks_for_none() -> None:
    changed = YAML().load(DEPLOY / "without-gpu.yaml")["services"]
    assert {name: list(change) for name, change in changed.items()} == {"worker": ["deploy"]}
    assert str(changed["worker"]["deploy"].tag.value) == "!reset"
    assert list(SERVICES["worker"]["deploy"]) == ["resources"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_is_open_to_this_machine_alone_unless_asked(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("${GPTPATH_BIND:-127.0.0.1}:"), port
    assert SERVICES[name].get("network_mode") is None


def test_the_database_is_reached_by_the_servers_alone() -> None:
    assert "ports" not in SERVICES["postgres"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_stays_tells_its_health_and_one_that_ends_is_waited_for(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    if check.get("disable"):
        waiting = [one["depends_on"][name] for one in SERVICES.values() if name in _needs(one)]
        assert waiting
        assert all(one == {"condition": "service_completed_successfully"} for one in waiting)
    else:
        assert check["test"][0] == "CMD"
        assert check["interval"]
        assert check["timeout"]


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_starts_before_what_it_needs_is_healthy(name: str) -> None:
    for needed, rule in _needs(SERVICES[name]).items():
        stays = not SERVICES[needed]["healthcheck"].get("disable")
        assert (rule["condition"] == "service_healthy") == stays


@pytest.mark.parametrize("name", SERVICES)
def test_a_secret_is_always_asked_for(name: str) -> None:
    for key, value in values(name).items():
        if SECRET.search(key) and value:
            [variable] = VARIABLE.findall(value)
            assert variable[1] == ":?", key
            assert VARIABLE.sub("", value) == "", key
        if found := PASSWORD_IN_ADDRESS.search(VARIABLE.sub("", str(value))):
            assert found["password"] == "", key


def test_the_example_leaves_every_required_variable_to_the_reader() -> None:
    asked = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE, re.M))
    assert set(asked) == required_variables() | {"GPTPATH_REPOSITORY"}
    assert set(asked.values()) == {""}
    assert all(re.search(rf"^#?{name}=", EXAMPLE, re.M) for name in asked)


@pytest.mark.parametrize("name", sorted(required_variables()))
def test_without_one_of_them_nothing_starts(name: str) -> None:
    given = dict.fromkeys(required_variables(), "x")
    filled(given)
    with pytest.raises(KeyError, match=name):
        filled(given | {name: ""})


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_of_one_version_and_what_is_built_here_says_from_what(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert re.match(r"v?\d+\.\d+", tag), tag
    if image.startswith("gptpath/"):
        assert SERVICES[name]["build"]["dockerfile"] == "deploy/Dockerfile"


def test_what_must_not_be_lost_lies_in_volumes() -> None:
    mounted = {name: SERVICES[name]["volumes"][0].split(":") for name in ("postgres", "s3")}
    assert mounted == {"postgres": ["postgres", "/var/lib/postgresql/data"], "s3": ["s3", "/data"]}
    assert {"postgres", "s3", "checkout"} == set(raw()["volumes"])


def test_the_image_is_built_from_pinned_versions_and_files_that_are_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    sources = re.findall(r"^FROM (\S+) AS (\w+)$", text, re.M)
    names = {name for _, name in sources}
    assert {one["build"]["target"] for one in SERVICES.values() if "build" in one} <= names
    for source, _ in sources:
        assert source in names or re.fullmatch(r"python:\d+\.\d+\.\d+-\S+", source)
    for command in re.findall(r"pip install (.*)", text):
        assert command.startswith("-c requirements.lock")
    allowed = re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.M)
    for copied in re.findall(r"^COPY (.*) \S+$", text, re.M):
        for path in copied.split():
            assert path in allowed
            assert (DEPLOY.parent / path).exists()


def test_commands_name_files_that_the_image_has() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    named = re.findall(r"/opt/gptpath/([\w.-]+)", COMPOSE.read_text() + text)
    assert named
    assert all(f"deploy/{name}" in text for name in named)


@pytest.mark.parametrize("script", ["databases.sh", "container-worker"])
def test_the_scripts_are_sound(script: str) -> None:
    path = DEPLOY / script
    shell = Path(path.read_text().splitlines()[0].split()[-1].removeprefix("#!")).name
    assert subprocess.run([shell, "-n", str(path)], capture_output=True).returncode == 0
    assert path.stat().st_mode & 0o111


def _needs(service: dict) -> dict:
    return service.get("depends_on", {})
