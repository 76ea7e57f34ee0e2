import pytest

from gptpath.planning.timetable import Job, finish_time


def jobs(*seconds: float) -> list[Job]:
    return [Job(name=str(n), seconds=s) for n, s in enumerate(seconds)]


@pytest.mark.parametrize(("slots", "expected"), [(1, 12.0), (2, 6.0), (3, 5.0), (9, 5.0)])
def test_free_jobs_share_the_slots(slots: int, expected: float) -> None:
    # two slots: 5 | 4, then 2 after 4, then 1 after 5
    assert finish_time(jobs(5.0, 4.0, 2.0, 1.0), slots=slots) == expected


def test_a_job_waits_for_what_it_needs() -> None:
    chain = [
        Job(name="a", seconds=3.0),
        Job(name="b", seconds=2.0, after=("a",)),
        Job(name="c", seconds=1.0, after=("b",)),
    ]
    assert finish_time(chain, slots=4) == 6.0


def test_no_jobs_take_no_time() -> None:
    assert finish_time([], slots=2) == 0.0


def test_a_ring_of_jobs_is_our_mistake() -> None:
    ring = [
        Job(name="a", seconds=1.0, after=("b",)),
        Job(name="b", seconds=1.0, after=("a",)),
    ]
    with pytest.raises(AssertionError, match="wait for each other"):
        finish_time(ring, slots=1)
