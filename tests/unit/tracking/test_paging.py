"""Searches of MLflow's client that go on for more than one page."""

from gptpath.tracking import paging
from gptpath.tracking.paging import every
from gptpath.tracking.store import open_client


def test_all_pages_are_read_in_their_order(root, monkeypatch):
    client = open_client(root)
    names = [f"gptpath-{number}" for number in range(5)]
    for name in [*names, "another"]:
        client.create_registered_model(name)
    monkeypatch.setattr(paging, "PAGE", 2)
    assert len(client.search_registered_models(max_results=2)) == 2  # one page is not all
    found = every(client.search_registered_models, "name LIKE 'gptpath-%'")
    assert sorted(model.name for model in found) == names
    assert not list(every(client.search_registered_models, "name = 'none'"))
