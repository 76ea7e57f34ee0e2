import string

from hypothesis import given
from hypothesis import strategies as st

from gptpath.text.web.links import is_media
from gptpath.text.web.urls import LONGEST_URL, canonical_url, host_of, origin_of

anything = st.text(max_size=60)
likely = st.text(alphabet="aZ09%./?&=#:@[]\\ ;é~_-+" + string.ascii_letters, max_size=60)
hosts = st.sampled_from(
    ["Example.COM", "bücher.example", "a.b.c.", "127.0.0.1", "[::1]", "x_y.org", "EXAMPLE.com:80"]
)
addresses = st.builds(
    lambda scheme, host, rest: f"{scheme}://{host}{rest}",
    st.sampled_from(["http", "https", "HTTP"]),
    hosts,
    st.one_of(st.just(""), st.builds(lambda a, b: f"{a}{b}", st.sampled_from("/?#"), likely)),
)


@given(st.one_of(anything, addresses, st.builds("http://{}".format, likely)))
def test_a_canonical_address_is_its_own_canonical_form(url: str) -> None:
    canonical = canonical_url(url)
    if canonical is not None:
        assert canonical_url(canonical) == canonical
        assert canonical.isascii()
        assert not set(canonical) & set(" \t\r\n#")
        assert len(canonical) <= LONGEST_URL
        assert host_of(canonical) == host_of(canonical).lower() != ""
        assert canonical.startswith(origin_of(canonical) + "/")
        assert is_media(canonical) in (True, False)


@given(addresses)
def test_most_addresses_have_a_canonical_form(url: str) -> None:
    assert canonical_url(url) is not None or "\\" in url.partition("?")[0]


@given(addresses, st.sampled_from(["utm_source=a", "fbclid=b", "UTM_Medium=c"]))
def test_tracking_parameters_change_nothing(url: str, parameter: str) -> None:
    canonical = canonical_url(url)
    if canonical is not None:
        mark = "&" if "?" in canonical else "?"
        assert canonical_url(f"{canonical}{mark}{parameter}#top") == canonical
