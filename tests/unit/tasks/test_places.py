import threading
import time

from tasks.places import Places


def test_no_more_than_the_places_are_taken_and_the_lowest_rank_goes_first() -> None:
    places, inside, most = Places(2), set(), 0
    entered: list[int] = []
    lock, go = threading.Lock(), threading.Event()

    def work(rank: int) -> None:
        nonlocal most
        with places.place(rank):
            with lock:
                inside.add(rank)
                entered.append(rank)
                most = max(most, len(inside))
            go.wait()
            with lock:
                inside.remove(rank)

    first = [threading.Thread(target=work, args=(rank,)) for rank in (8, 9)]
    rest = [threading.Thread(target=work, args=(rank,)) for rank in (5, 3, 7, 1)]
    for thread in first:
        thread.start()
    while len(entered) < 2:
        time.sleep(0.01)
    for thread in rest:
        thread.start()
    while len(places._waiting) < 4:
        time.sleep(0.01)
    go.set()
    for thread in first + rest:
        thread.join()
    assert most == 2
    assert sorted(entered[:2]) == [8, 9]
    assert set(entered[2:4]) == {1, 3}
    assert set(entered[4:]) == {5, 7}


def test_a_failure_gives_its_place_back() -> None:
    places = Places(1)
    try:
        with places.place(1):
            raise RuntimeError("broken")
    except RuntimeError:
        pass
    with places.place(2):
        pass
