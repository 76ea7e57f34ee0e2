import pytest

from gptpath.config.web import Fetch
from gptpath.errors import ConfigError


@pytest.mark.parametrize("contact", ["J\u00f6rg <joerg@example.org>", "https://example.org/us\n"])
def test_a_contact_that_no_header_can_hold_is_refused(contact):
    with pytest.raises(ConfigError, match="expected one line of ASCII"):
        Fetch(contact=contact)
    Fetch()
    Fetch(contact="Joerg <joerg@example.org>, https://example.org/us")
