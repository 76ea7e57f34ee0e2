"""The services of deploy/compose.yaml as plain processes: the same commands and settings.

What differs from the containers: addresses, and moto in the place of the S3 gateway.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.compose_file import DEPLOY, filled, required_variables

SECONDS = 300
"""For a start on a busy machine; PostgreSQL makes Prefect's tables in ten on a calm one."""
HOST = "127.0.0.1"
PORTS = {"s3": 7070, "prefect": 4200, "mlflow": 5000}
"""Ports inside the containers."""
HEALTH = {"s3": "/moto-api/", "prefect": "/api/health", "mlflow": "/health"}
NEEDED = {"moto.server": "moto[server]", "psycopg2": "psycopg2-binary", "dvc_s3": "dvc-s3"}
SECRETS = {
    name: "team:written4test" if name == "PREFECT_AUTH_STRING" else f"{name.lower()}4test"
    for name in required_variables()
}


@dataclass
class Service:
    """A server process that can be stopped and started again at the same address."""

    name: str
    port: int
    command: list[str]
    environment: dict[str, str] = field(repr=False)
    health: str
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start it; `wait` tells when it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + SECONDS
        while not answers(self.address + self.health):
            assert self._process is not None, "started before"
            if time.monotonic() > until or self._process.poll() is not None:
                pytest.fail(f"{self.name} did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Kill it and its workers, as a machine that loses its power does."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait(timeout=30)
            self._process = None


@dataclass(frozen=True)
class Team:
    """Running servers, and the environment of a person or worker who uses them."""

    prefect: Service
    mlflow: Service
    s3: Service
    environment: dict[str, str]
    postgres_port: int

    def make_buckets(self) -> None:
        """What the one-shot service does; needed again after a stop of moto, which forgets all."""
        command = filled(SECRETS)["services"]["buckets"]["command"]
        script, *names = [Path(word).name for word in command[1:]]
        subprocess.run(
            [sys.executable, str(DEPLOY / script), *names],
            env=os.environ | self.environment,
            check=True,
        )


@contextmanager
def team_servers(folder: Path, without: Collection[str] = ()) -> Iterator[Team]:
    """Start PostgreSQL, the S3 server, Prefect and MLflow; skips where one is not installed."""
    for module, package in NEEDED.items():
        pytest.importorskip(module, reason=f"the package {package} is not installed")
    with ExitStack() as stack:
        port = stack.enter_context(postgres())
        free = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        places = {"postgres:5432": f"{HOST}:{port}"}
        places |= {f"{name}:{inner}": f"{HOST}:{free[name]}" for name, inner in PORTS.items()}
        content = filled(SECRETS)["services"]
        settings = {
            name: _moved(one.get("environment", {}), places) for name, one in content.items()
        }
        commands = {
            name: _command(content[name]["command"], free[name]) for name in ("prefect", "mlflow")
        }
        commands["s3"] = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(free["s3"])]
        running = {
            name: Service(
                name=name,
                port=free[name],
                command=commands[name],
                environment=_outer(folder) | settings[name],
                health=HEALTH[name],
                log=folder / f"{name}.log",
            )
            for name in PORTS
        }
        started = [service for name, service in running.items() if name not in without]
        for service in started:
            stack.callback(service.stop)
            service.start()
        for service in started:
            service.wait()
        used = ("AWS_", "PREFECT_", "MLFLOW_")
        worker = {key: text for key, text in settings["worker"].items() if key.startswith(used)}
        team = Team(**running, environment=worker, postgres_port=port)
        team.make_buckets()
        yield team


@contextmanager
def postgres() -> Iterator[int]:
    """A fresh PostgreSQL on a free port, filled by deploy/databases.sh; yields the port."""
    programs = postgres_programs()
    owner = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="gptpath-pg-", ignore_cleanup_errors=True) as folder:
        if owner:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "nobody")
        data, (port,) = Path(folder) / "data", free_ports(1)

        def call(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [str(programs / program), *arguments],
                capture_output=True,
                text=True,
                cwd=folder,
                **owner,
            )
            assert done.returncode == 0, done.stdout + done.stderr

        secret = Path(folder) / "password"
        secret.write_text(SECRETS["POSTGRES_PASSWORD"])
        secret.chmod(0o644)
        call(
            "initdb",
            f"--pgdata={data}",
            "--username=postgres",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--no-sync",
        )
        options = f"-p {port} -c listen_addresses={HOST} -c unix_socket_directories={folder}"
        control = ("--pgdata", str(data), "--log", f"{folder}/log", "--wait")
        call("pg_ctl", "start", *control, f"--options={options} -c fsync=off")
        try:
            made = subprocess.run(
                ["sh", str(DEPLOY / "databases.sh")],
                env=postgres_client(port) | SECRETS,
                capture_output=True,
                text=True,
            )
            assert made.returncode == 0, made.stderr
            yield port
        finally:
            call("pg_ctl", "stop", "--pgdata", str(data), "--mode=immediate")


def postgres_client(port: int) -> dict[str, str]:
    """The environment of PostgreSQL's own client programs, as its superuser."""
    return os.environ | {
        "PGHOST": HOST,
        "PGPORT": str(port),
        "PGPASSWORD": SECRETS["POSTGRES_PASSWORD"],
        "PATH": f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}",
    }


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on."""
    with ExitStack() as stack:
        chosen = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in chosen:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in chosen]


def answers(address: str) -> bool:
    """Whether a server answers with success."""
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def postgres_programs() -> Path:
    """The folder of initdb and pg_ctl; skips where there is none."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if on_path:
        found.append(Path(on_path))
    if not found:
        pytest.skip("no PostgreSQL: install the package postgresql, or put initdb on the PATH")
    return found[-1].parent


def _command(command: list[str], port: int) -> list[str]:
    """A container's command on this machine: its own Python, loopback, a free port."""
    moved = [{"0.0.0.0": HOST, "4200": str(port), "5000": str(port)}.get(w, w) for w in command]
    return [sys.executable, "-m", *moved]


def _moved(settings: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
    moved = {}
    for key, value in settings.items():
        for name, place in places.items():
            value = value.replace(f"//{name}", f"//{place}").replace(f"@{name}", f"@{place}")
        moved[key] = value
    return moved


def _outer(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "MLFLOW_", "GPTPATH_", "AWS_"))
    }
    return kept | {"PREFECT_HOME": str(folder / "prefect")}
