"""The user's own code: what it gives is read, and whatever it does hurts nothing else."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.domain import Candidate, Endpoint, Scheme
from shoal.ports import Harvest, SourceError
from shoal.ports.store import SourceState
from shoal.sources.document import SourceTerms
from shoal.sources.python_function import PythonSource

RELEASE = threading.Event()


def as_list() -> list[str]:
    return ["8.8.8.8:80", "socks5://me:pw@8.8.4.4:1080"]


def as_text() -> str:
    return "8.8.8.8:80\n8.8.4.4:1080"


def as_generator() -> Iterator[object]:
    yield "8.8.8.8:80"
    yield b"8.8.4.4:1080"


async def as_coroutine() -> list[str]:
    await asyncio.sleep(0)
    return ["8.8.8.8:80", "8.8.4.4:1080"]


async def as_async_generator() -> AsyncIterator[str]:
    yield "8.8.8.8:80"
    await asyncio.sleep(0)
    yield "8.8.4.4:1080"


class Fetcher:
    def __init__(self) -> None:
        self.proxies = ["8.8.8.8:80", "8.8.4.4:1080"]

    def fetch(self) -> Iterator[str]:
        yield from self.proxies

    @staticmethod
    def fetch_static() -> Iterator[str]:
        yield from Fetcher().proxies


def candidates() -> Iterator[object]:
    yield Candidate(Endpoint("8.8.8.8", 80), Scheme.HTTP, country="JP")
    yield Candidate(Endpoint("0177.0.0.1", 80))
    yield Candidate(Endpoint("EXAMPLE.org", 80))
    yield Candidate(Endpoint("8.8.8.8", 0))
    yield {"ip": "8.8.8.8"}


def nothing() -> None:
    return None


def number() -> int:
    return 42


def raises() -> Iterator[str]:
    yield "8.8.8.8:80"
    raise ValueError("a\nsecond line\x1b[31m")


def exits() -> None:
    sys.exit("bye")


def endless() -> Iterator[str]:
    while True:
        yield "8.8.8.8:80"


def hangs() -> None:
    RELEASE.wait(30)


async def hangs_async() -> None:
    await asyncio.Event().wait()


def make(function: str, *, timeout: float = 10.0, folder: Path | str = "", limit: int = 10_000) -> PythonSource:
    return PythonSource(
        "mine",
        function,
        SourceTerms(60, scheme=Scheme.HTTP, size_limit_bytes=limit),
        timeout=timeout,
        folder=str(folder),
    )


async def run(function: Any, **options: Any) -> Harvest:
    sys.modules.setdefault("users_own_code", sys.modules[__name__])
    name = function if isinstance(function, str) else function.__qualname__
    return await make(f"users_own_code:{name}", **options).fetch(SourceState("mine"))


@pytest.mark.parametrize(
    "function",
    [as_list, as_text, as_generator, as_coroutine, as_async_generator, Fetcher.fetch, Fetcher.fetch_static],
    ids=lambda function: function.__qualname__,
)
async def test_texts_are_read_however_they_are_given(function: Any) -> None:
    harvest = await run(function)
    assert [str(candidate.endpoint) for candidate in harvest.candidates] == ["8.8.8.8:80", "8.8.4.4:1080"]
    assert harvest.candidates[0].scheme is Scheme.HTTP
    assert harvest.bytes_read > 0 and harvest.wire_bytes == 0


async def test_candidates_are_taken_as_they_are_if_they_are_fit() -> None:
    harvest = await run(candidates)
    (candidate,) = harvest.candidates
    assert (str(candidate.endpoint), candidate.country) == ("8.8.8.8:80", "JP")
    assert harvest.refused == {"bad_address": 2, "bad_port": 1, "malformed": 1}
    assert harvest.form == "candidates"


async def test_nothing_is_nothing() -> None:
    assert (await run(nothing)).candidates == ()


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (raises, "raised ValueError (a second line[31m)."),
        (exits, "raised SystemExit (bye)."),
        (number, "gave a value of type int, but must yield texts or Candidates."),
        ("missing", "cannot be loaded: users_own_code has no missing."),
        ("RELEASE", "is no function."),
    ],
)
async def test_whatever_it_raises_is_this_sources_error(function: Any, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        await run(function)
    assert str(caught.value).endswith(says) and str(caught.value).startswith("python:users_own_code:")
    assert str(caught.value).isprintable()


async def test_an_endless_generator_is_cut_off() -> None:
    harvest = await run(endless)
    assert len(harvest.candidates) == 1 and harvest.bytes_read == 10_000
    assert harvest.refused["too_long"] == 1


async def test_a_hang_ends_with_the_time_limit_and_no_second_run_begins_beside_it() -> None:
    sys.modules.setdefault("users_own_code", sys.modules[__name__])
    RELEASE.clear()
    source = make("users_own_code:hangs", timeout=0.05)
    with pytest.raises(SourceError, match=r"did not return within 0\.05 s"):
        await source.fetch(SourceState("mine"))
    with pytest.raises(SourceError, match="has not returned from an earlier run"):
        await source.fetch(SourceState("mine"))
    RELEASE.set()
    async with asyncio.timeout(5):
        while any(thread.name == "shoal-source-mine" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)
    assert (await source.fetch(SourceState("mine"))).candidates == ()


async def test_a_coroutine_that_hangs_is_ended() -> None:
    with pytest.raises(SourceError):
        await run(hangs_async, timeout=0.05)
    async with asyncio.timeout(5):
        while any(thread.name == "shoal-source-mine" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def test_modules_beside_the_settings_file_are_found_and_hide_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "beside_settings.py").write_text("def fetch():\n    yield '8.8.8.8:80'\n")
    (tmp_path / "json.py").write_text("raise RuntimeError\n")
    source = make("beside_settings:fetch", folder=tmp_path)
    assert len((await source.fetch(SourceState("mine"))).candidates) == 1
    assert sys.path[-1] == str(tmp_path)
    monkeypatch.delitem(sys.modules, "beside_settings")
    with pytest.raises(SourceError, match="there is no module beside_nothing"):
        await make("beside_nothing:fetch", folder=tmp_path).fetch(SourceState("mine"))
