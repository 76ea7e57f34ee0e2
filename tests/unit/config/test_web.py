import pytest

from gptpath.config.ingest import Warc, WebText
from gptpath.config.web import Fetch
from gptpath.errors import ConfigError


@pytest.mark.parametrize("contact", ["J\u00f6rg <joerg@example.org>", "https://example.org/us\n"])
def test_a_contact_that_no_header_can_hold_is_refused(contact):
    with pytest.raises(ConfigError, match="expected one line of ASCII"):
        Fetch(contact=contact)
    Fetch()
    Fetch(contact="Joerg <joerg@example.org>, https://example.org/us")


@pytest.mark.parametrize("kind", [WebText, Warc])
@pytest.mark.parametrize("domain", ["Example.com", "https://example.com", ".example.com", ""])
def test_a_blocked_domain_that_would_block_nothing_is_refused(kind, domain):
    with pytest.raises(ConfigError, match="expected a host name in small letters"):
        kind(blocked_domains=("example.org", domain))
    kind(blocked_domains=("example.org", "xn--80ak6aa92e.com", "host"))
