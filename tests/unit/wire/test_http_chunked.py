import pytest

from shoal.wire import Refusal
from shoal.wire.http_chunked import (
    OVERHEAD_LIMIT_BYTES,
    SIZE_LINE_LIMIT_BYTES,
    TRAILER_LIMIT_BYTES,
    ChunkedDecoder,
)


class Recorded(ChunkedDecoder):
    """A decoder that shows what it has written."""

    __slots__ = ("written",)

    def __init__(self, strict=False, limit=1000):
        self.written = bytearray()
        super().__init__(self.written, limit, strict)

    def receive_eof(self):
        assert self.done


def see(codec):
    return codec.done, bytes(codec.written), codec.bare_lf


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"0A\r\n0123456789\r\n1;x=\"y\";z\r\n\n\r\n000 \r\nT: v\r\nU: w\r\n\r\n", b"0123456789\n"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
    ],
)  # fmt: skip
def test_chunks_extensions_and_trailers_are_read(feeding, strict, data, body):
    assert feeding.complete(lambda: Recorded(strict), data, see)[0] == (True, body, False)


@pytest.mark.parametrize("data", [b"3\nabc\n0\n\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\n"])
def test_bare_line_ends_are_read_and_noted_unless_strict(feeding, data):
    assert feeding.complete(Recorded, data, see)[0] == (True, b"abc", True)
    assert feeding.same(lambda: Recorded(strict=True), data, see)[2][0] is Refusal.MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b" 1\r\n",
        b"1 2\r\n",
        b"1;a\0b\r\n",
        b"1;a\rb\r\n",
        b"1" * 17 + b"\r\n",
        b"\xb2\r\n",
        b"3\r\nabcd",
        b"3\r\nabc\rd",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_bad_sizes_and_bad_ends_are_malformed(feeding, data):
    assert feeding.same(Recorded, data, see, range(len(data)))[2][0] is Refusal.MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        b"1;" + b"x" * SIZE_LINE_LIMIT_BYTES + b"\r\n",
        b"0" * SIZE_LINE_LIMIT_BYTES,
        (b"1;" + b"x" * 1000 + b"\r\ny\r\n") * (OVERHEAD_LIMIT_BYTES // 1000 + 1),
        b"0\r\n" + b"T: " + b"v" * TRAILER_LIMIT_BYTES,
        b"0\r\n" + b"T: v\r\n" * (TRAILER_LIMIT_BYTES // 6 + 1),
    ],
)
def test_size_lines_extensions_and_trailers_are_bounded(feeding, data):
    assert feeding.same(Recorded, data, see)[2][0] is Refusal.LIMIT


def test_bytes_taken_before_an_error_are_not_taken_again(feeding):
    codec = Recorded()
    for _ in range(3):
        _, refused = feeding.feed(codec, [b"3\r\nabc\r\nxyz\r\n" if not codec.written else b"x"])
        assert refused[0] is Refusal.MALFORMED
        assert bytes(codec.written) == b"abc"
