from gptpath.config.web import Fetch
from gptpath.text.web.frontier import Frontier, Job


def job(url: str) -> Job:
    return Job(link=url, digest=0, url=url)


def frontier(**changes: float) -> Frontier:
    return Frontier(Fetch(**({"seconds_per_host": 1.0} | changes)))


def test_one_host_gets_one_request_at_a_time_and_at_its_rate() -> None:
    waiting = frontier()
    for n in range(3):
        waiting.add(job(f"http://a.org/{n}"))
    first, host = waiting.take(10.0)
    assert first.url == "http://a.org/0"
    assert waiting.take(20.0) is None
    waiting.done(host, 10.2)
    assert waiting.take(10.9) is None
    assert waiting.next_time() == 11.0
    assert waiting.take(11.0)[0].url == "http://a.org/1"
    assert len(waiting) == 1


def test_hosts_do_not_wait_for_each_other() -> None:
    waiting = frontier()
    for host in "abc":
        for n in range(2):
            waiting.add(job(f"http://{host}.org/{n}"))
    taken = [waiting.take(0.0)[0].url for _ in range(3)]
    assert taken == ["http://a.org/0", "http://b.org/0", "http://c.org/0"]
    assert waiting.take(0.0) is None


def test_a_delayed_job_waits_and_others_of_its_host_go_first() -> None:
    waiting = frontier(seconds_per_host=0.0)
    waiting.add(job("http://a.org/later"), not_before=5.0)
    assert waiting.take(4.9) is None
    waiting.add(job("http://a.org/now"))
    now, host = waiting.take(0.1)
    assert now.url == "http://a.org/now"
    waiting.done(host, 0.2)
    assert waiting.take(4.9) is None
    assert waiting.take(5.0)[0].url == "http://a.org/later"
    assert waiting.next_time() is None


def test_a_paused_host_is_left_alone() -> None:
    waiting = frontier(seconds_per_host=0.0)
    waiting.add(job("http://a.org/0"))
    waiting.add(job("http://a.org/1"))
    _, host = waiting.take(0.0)
    waiting.pause(host, 30.0)
    waiting.done(host, 0.1)
    assert waiting.take(29.0) is None
    assert waiting.take(30.0) is not None


def test_several_connections_are_still_apart_in_time() -> None:
    waiting = frontier(connections_per_host=2)
    for n in range(3):
        waiting.add(job(f"http://a.org/{n}"))
    assert waiting.take(0.0) is not None
    assert waiting.take(0.5) is None
    assert waiting.take(1.0) is not None
    assert waiting.take(9.0) is None


def test_a_job_can_go_first() -> None:
    waiting = frontier(seconds_per_host=0.0)
    waiting.add(job("http://a.org/0"))
    waiting.add(job("http://a.org/first"), first=True)
    assert waiting.take(0.0)[0].url == "http://a.org/first"


def test_a_host_that_is_given_up_hands_back_its_jobs_in_order() -> None:
    waiting = frontier()
    for n in range(4):
        waiting.add(job(f"http://a.org/{n}"))
    _, host = waiting.take(0.0)
    assert [one.url[-1] for one in waiting.drain(host)] == ["1", "2", "3"]
    waiting.done(host, 0.1)
    assert len(waiting) == 0
    assert waiting.take(99.0) is None
