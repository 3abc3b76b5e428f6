"""Bodies piece by piece: plain, compressed, cut, and bombs."""

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.goldrush.body import LONGEST_BODY, ResponseBody
from bot.ports.pipeline_api import Malformed


def read(encoding: str, *pieces: bytes) -> bytes:
    body = ResponseBody(encoding)
    for piece in pieces:
        body.feed(piece)
    return body.whole()


@given(st.binary(), st.integers(1, 50), st.sampled_from(["", "identity", "gzip", " GZIP ", "x-gzip"]))
def test_the_pieces_make_the_whole(content: bytes, size: int, encoding: str) -> None:
    sent = gzip.compress(content) if "gzip" in encoding.lower() else content
    assert read(encoding, *(sent[start : start + size] for start in range(0, len(sent), size))) == content


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_body_limit_is_exact(encoding: str) -> None:
    content = b"x" * LONGEST_BODY
    longer = content + b"x"
    assert read(encoding, gzip.compress(content) if encoding else content) == content
    with pytest.raises(Malformed, match="longer than 1048576 bytes"):
        read(encoding, gzip.compress(longer) if encoding else longer)


def test_a_bomb_is_never_inflated() -> None:
    bomb = gzip.compress(b"\0" * 64 * 1024 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="longer"):
            read("gzip", bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LONGEST_BODY


@pytest.mark.parametrize(
    "sent", [b"plain after all", gzip.compress(b"x" * 1000, mtime=0)[:-4], gzip.compress(b"x", mtime=0)[:-1]]
)
def test_broken_gzip_is_malformed(sent: bytes) -> None:
    with pytest.raises(Malformed, match="gzip"):
        read("gzip", sent)


def test_an_empty_body_is_empty_in_any_encoding() -> None:
    assert read("gzip") == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate"])
def test_an_encoding_that_was_not_asked_for(encoding: str) -> None:
    with pytest.raises(Malformed, match="that I didn't ask for"):
        ResponseBody(encoding)
