import pytest

from tests.unit.text.web.local_site import serve


@pytest.fixture
def site():
    with serve() as running:
        yield running
