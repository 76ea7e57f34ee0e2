import pytest

from gptpath.config.launch import Launch
from gptpath.errors import ConfigError


def test_a_training_is_one_process_unless_told_otherwise():
    assert Launch().ranks == 1
    assert Launch(nproc_per_node=4, nnodes=2, rdzv_endpoint="host:29400").ranks == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nproc_per_node": 0}, "launch.nproc_per_node must be at least 1"),
        ({"nnodes": 2}, "launch.nnodes=2 needs launch.rdzv_endpoint"),
        ({"max_restarts": -1}, "launch.max_restarts=-1 is negative"),
    ],
)
def test_a_launch_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        Launch(**changes)
