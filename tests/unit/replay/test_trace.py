import gzip
from pathlib import Path

import pytest

from shoal.replay import TraceError, read_trace
from shoal.replay.trace import parse_trace

LINES = ["http,1.2.3.4:80,200\n", "snapshots,http,300 100 200\n", "snapshots,socks5,5\n", "http,5.6.7.8:1,100 300\n"]


def test_rows_come_in_any_order_and_other_protocols_are_left_out() -> None:
    trace = parse_trace([*LINES, "socks5,9.9.9.9:9,5\n"], "http")
    assert trace.times == (100.0, 200.0, 300.0)
    assert trace.alive == ({"5.6.7.8:1"}, {"1.2.3.4:80"}, {"5.6.7.8:1"})
    assert parse_trace(LINES, "socks5").alive == (frozenset(),)


@pytest.mark.parametrize("packed", [False, True])
def test_files_may_be_packed(tmp_path: Path, packed: bool) -> None:
    data = "".join(LINES).encode()
    path = tmp_path / "trace"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert len(read_trace(path, "http").times) == 3


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "no snapshots of http"),
        (["snapshots,socks4,1\n"], "there are: socks4"),
        (["nonsense\n"], "line 1"),
        (["snapshots,http,1 x\n"], "line 1"),
        (["snapshots,http,1\n", "http,a:1,2\n"], "a:1 is listed at 2"),
    ],
)
def test_what_is_no_trace_is_told_in_one_sentence(lines: list[str], words: str) -> None:
    with pytest.raises(TraceError, match=words):
        parse_trace(lines, "http")


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trace.gz"
    path.write_bytes(gzip.compress("".join(LINES * 500).encode())[:-20])
    with pytest.raises(TraceError, match="damaged"):
        read_trace(path, "http")
