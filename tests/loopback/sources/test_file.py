from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.domain import Scheme
from shoal.ports import SourceError
from shoal.ports.store import SourceState
from shoal.sources.document import SourceTerms
from shoal.sources.file import FileSource

FRESH = SourceState("list")


def make(path: Path | str, *, scheme: Scheme | None = None, limit: int = 1_000_000) -> FileSource:
    return FileSource("list", str(path), SourceTerms(60, scheme=scheme, size_limit_bytes=limit))


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of standard input that a test writes to."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as file:
        monkeypatch.setattr(sys, "stdin", file)
        yield writing


async def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(b"8.8.8.8:80\nrubbish:70000\n")
    harvest = await make(file, scheme=Scheme.HTTP).fetch(FRESH)
    (candidate,) = harvest.candidates
    assert (str(candidate.endpoint), candidate.scheme) == ("8.8.8.8:80", Scheme.HTTP)
    assert sum(harvest.refused.values()) == 1 and harvest.bytes_read == 25


async def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(b"8.8.8.8:80\n")
    first = await make(file).fetch(FRESH)
    again = await make(file).fetch(SourceState("list", etag=first.etag))
    assert again.unchanged and again.etag == first.etag and again.candidates == ()
    file.write_bytes(b"8.8.8.8:80\n8.8.4.4:80\n")
    changed = await make(file).fetch(SourceState("list", etag=first.etag))
    assert len(changed.candidates) == 2 and changed.etag != first.etag


async def test_a_file_that_has_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.txt cannot be read \(No such file or directory\)\.") as caught:
        await make(tmp_path / "gone.txt").fetch(FRESH)
    assert not caught.value.network


async def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(bytes(2001))
    with pytest.raises(SourceError, match="longer than 2000 bytes"):
        await make(file, limit=2000).fetch(FRESH)
    assert (await make(file, limit=2001).fetch(FRESH)).bytes_read == 2001


async def test_standard_input_is_read_once(stdin: int) -> None:
    os.write(stdin, b"8.8.8.8:80\n")
    os.close(stdin)
    source = make("-")
    harvest = await source.fetch(FRESH)
    assert len(harvest.candidates) == 1 and harvest.etag is None
    assert (await source.fetch(FRESH)).unchanged


async def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = make(pipe)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(source.fetch(FRESH), name="read")
        await asyncio.to_thread(pipe.write_bytes, b"8.8.8.8:80\n")
    assert len(reading.result().candidates) == 1
    assert (await source.fetch(FRESH)).unchanged


async def test_a_silent_standard_input_holds_nobody_up(stdin: int) -> None:
    reading = asyncio.ensure_future(make("-").fetch(FRESH))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    # Nothing may wait for the thread that still reads: this is what the end of asyncio.run waits for.
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 2)
    os.close(stdin)
