"""Long lists in pieces."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Candidate, Refused
from shoal.sources.extract import extract, extract_stream, iter_lines

LIST = b"192.0.2.1:80\r\nbad line\n999.1.1.1:80\nsocks5://192.0.2.2:81\n192.0.2.1:80"


@given(st.lists(st.integers(0, len(LIST)), max_size=12))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(LIST)]
    pieces = [LIST[a:b] for a, b in pairwise(edges)]
    read = list(extract_stream(pieces))
    assert [str(item.endpoint) if isinstance(item, Candidate) else item for item in read] == [
        "192.0.2.1:80",
        (Refused.BAD_ADDRESS, "999.1.1.1:80"),
        "192.0.2.2:81",
        "192.0.2.1:80",
    ]


@given(st.binary(max_size=400), st.integers(1, 50))
def test_lines_are_the_same_in_pieces_of_any_size(data: bytes, size: int) -> None:
    whole = list(iter_lines([data], 30))
    assert list(iter_lines((data[at : at + size] for at in range(0, len(data), size)), 30)) == whole
    assert all(line is None or len(line) <= 30 for line in whole)


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_byte_order_marks(charset: str) -> None:
    data = ("\ufeff" if charset == "utf-16-be" else "") + "192.0.2.1:80\n192.0.2.2:81\n"
    raw = data.encode(charset)
    read = list(extract_stream(raw[at : at + 3] for at in range(0, len(raw), 3)))
    assert [str(item.endpoint) for item in read if isinstance(item, Candidate)] == ["192.0.2.1:80", "192.0.2.2:81"]


@pytest.mark.parametrize(
    "text",
    [
        '{"ip":"192.0.2.1","port":80}\n{"ip":"192.0.2.2","port":81}\n',
        '[{"ip":"192.0.2.1","port":80},\n{"ip":"192.0.2.2","port":81}]',
        "type,port,ip\nhttp,80,192.0.2.1\nhttp,81,192.0.2.2\n",
        "<table><tr><td>192.0.2.1</td><td>80</td></tr><tr><td>192.0.2.2</td><td>81</td></tr></table>",
        "proxies:\n- {type: http, server: 192.0.2.1, port: 80}\n- {name: b, type: http, server: 192.0.2.2, port: 81}\n",
    ],
)
def test_every_form_can_be_streamed(text: str) -> None:
    read = list(extract_stream([text[:40].encode(), text[40:].encode()]))
    assert [str(item.endpoint) for item in read if isinstance(item, Candidate)] == ["192.0.2.1:80", "192.0.2.2:81"]
    assert [str(c.endpoint) for c in extract(text.encode()).candidates] == ["192.0.2.1:80", "192.0.2.2:81"]


def test_a_line_of_many_megabytes_costs_no_memory() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"192.0.2.1:80\n"
        for _ in range(600):
            yield b"x" * 65536
        yield b"\n192.0.2.2:81\n"

    tracemalloc.start()
    read = list(extract_stream(pieces()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [str(item.endpoint) if isinstance(item, Candidate) else item[0] for item in read] == [
        "192.0.2.1:80",
        Refused.TOO_LONG,
        "192.0.2.2:81",
    ]
    assert peak < 4_000_000


def test_nothing_in_nothing_out() -> None:
    assert list(extract_stream([])) == []
    assert list(extract_stream([b"", b"\n\n"])) == []
