"""Write the section `launch` of params.yaml for the nodes that Slurm has given.

    python deploy/slurm/set_launch.py NODES PROCESSES_PER_NODE HOST:PORT

The section decides no result, so a model may go on under another one.
"""

import os
import sys
from pathlib import Path

from ruamel.yaml import YAML


def set_launch(path: Path, nodes: int, processes: int, meeting: str) -> None:
    """Change the section in place; the other lines stay as they are."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    params = yaml.load(path.read_text(encoding="utf-8"))
    launch = params.setdefault("launch", {})
    launch["nnodes"], launch["nproc_per_node"] = nodes, processes
    if nodes > 1:
        launch["rdzv_endpoint"] = meeting
    else:
        launch.pop("rdzv_endpoint", None)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as out:
        yaml.dump(params, out)
    os.replace(temporary, path)


if __name__ == "__main__":
    set_launch(Path("params.yaml"), int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
