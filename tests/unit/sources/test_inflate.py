import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.sources.inflate import BodyError, Inflater


def bare(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


@given(
    data=st.binary(max_size=3000),
    coding=st.sampled_from([("", bytes), ("identity", bytes), ("GZIP", gzip.compress), ("deflate", zlib.compress)]),
    size=st.integers(1, 500),
)
def test_every_split_of_a_body_gives_the_same_bytes(data: bytes, coding: tuple[str, type], size: int) -> None:
    name, pack = coding
    packed = pack(data)
    inflater = Inflater(name, 3000)
    pieces = [inflater.feed(packed[at : at + size]) for at in range(0, len(packed), size)]
    inflater.close()
    assert b"".join(pieces) == data


def test_deflate_without_its_wrapper_is_read() -> None:
    inflater = Inflater("deflate", 100)
    assert inflater.feed(bare(b"1.2.3.4:80")) == b"1.2.3.4:80"
    inflater.close()


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_only_body_errors_come_out_of_rubbish(data: bytes, coding: str) -> None:
    try:
        inflater = Inflater(coding, 50)
        assert len(inflater.feed(data)) <= 50
        inflater.close()
    except BodyError as error:
        assert str(error)


@given(size=st.integers(0, 5000), limit=st.integers(0, 5000), coding=st.sampled_from(["", "gzip", "deflate"]))
def test_the_limit_is_exact_whatever_the_coding(size: int, limit: int, coding: str) -> None:
    pack = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[coding]
    inflater = Inflater(coding, limit)
    if size <= limit:
        assert len(inflater.feed(pack(bytes(size)))) == size
    else:
        with pytest.raises(BodyError, match=f"more than {limit} bytes"):
            inflater.feed(pack(bytes(size)))


def test_what_follows_the_end_of_the_compressed_data_is_ignored() -> None:
    inflater = Inflater("gzip", 100)
    assert inflater.feed(gzip.compress(b"ab") + b"tail") == b"ab"
    assert inflater.feed(b"more") == b""
    inflater.close()


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
def test_codings_that_were_not_offered_are_refused(coding: str) -> None:
    with pytest.raises(BodyError, match="not asked for"):
        Inflater(coding, 10)
