import gzip
import zlib

import pytest

from gptpath.text.web.compression import TooLarge, Undecodable, Unpacker, unpack

TEXT = b"The ship went slowly over the quiet water. " * 200


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP ", "deflate", "identity", ""])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_bodies_are_unpacked_in_pieces_of_any_size(encoding: str, step: int) -> None:
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}
    body = packed.get(encoding.strip().lower().removeprefix("x-"), bytes)(TEXT)
    unpacker = Unpacker(encoding, len(TEXT))
    data = b"".join(unpacker.feed(body[at : at + step]) for at in range(0, len(body), step))
    unpacker.finish()
    assert data == TEXT


def test_several_gzip_members_are_one_body_and_padding_is_none() -> None:
    body = gzip.compress(TEXT) + gzip.compress(b"end") + b"\0\0\0"
    assert unpack(body, "gzip", 10**6) == TEXT + b"end"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", ""])
def test_the_limit_is_on_what_comes_out(encoding: str) -> None:
    body = {"gzip": gzip.compress, "deflate": zlib.compress, "": bytes}[encoding](TEXT)
    assert unpack(body, encoding, len(TEXT)) == TEXT
    with pytest.raises(TooLarge):
        unpack(body, encoding, len(TEXT) - 1)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(gzip.compress(TEXT)[:-5], "gzip"), (b"plain", "gzip"), (TEXT, "br"), (TEXT, "gzip, gzip")],
)
def test_what_cannot_be_unpacked_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(Undecodable):
        unpack(body, encoding, 10**6)
