"""Why a link yielded no page, and whether trying again may help."""

ROBOTS_DISALLOWED = "fetch_robots_disallowed"
ROBOTS_UNREACHABLE = "fetch_robots_unreachable"
CRAWL_DELAY = "fetch_crawl_delay_too_long"
ADDRESS_REFUSED = "fetch_address_refused"
NAME_UNKNOWN = "fetch_name_unknown"
NO_CONNECTION = "fetch_no_connection"
NO_SECURITY = "fetch_tls_failed"
TIMED_OUT = "fetch_timed_out"
BROKEN_OFF = "fetch_broken_off"
NOT_HTTP = "fetch_not_http"
HOST_GIVEN_UP = "fetch_host_given_up"
CONTENT_TYPE = "fetch_content_type"
TOO_LARGE = "fetch_too_large"
UNDECODABLE = "fetch_body_undecodable"
REDIRECT_LOOP = "fetch_redirect_loop"
TOO_MANY_REDIRECTS = "fetch_too_many_redirects"
REDIRECT_UNUSABLE = "fetch_redirect_unusable"
REDIRECT_BLOCKED = "fetch_redirect_to_blocked_domain"
STATUS = "fetch_status_"
"""Followed by the status code."""

FETCHED = "fetched"
"""The outcome of a link whose page is in the archive."""

_PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)
PASSING = frozenset(
    {
        ROBOTS_UNREACHABLE,
        NAME_UNKNOWN,
        NO_CONNECTION,
        TIMED_OUT,
        BROKEN_OFF,
        HOST_GIVEN_UP,
        *(f"{STATUS}{status}" for status in _PASSING_STATUS),
    }
)
"""Outcomes that another attempt may change: tried again within a run, and on request later."""

CONNECTING = frozenset({NAME_UNKNOWN, NO_CONNECTION})
"""Outcomes that speak against the whole host."""


class Failure(Exception):
    """One request yielded no page."""

    def __init__(self, reason: str, detail: str = "", retry_after: float | None = None) -> None:
        """Keep a reason, what was seen, and the seconds that the server asks to wait."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after

    @property
    def may_pass(self) -> bool:
        """Whether another attempt may end differently."""
        return self.reason in PASSING
