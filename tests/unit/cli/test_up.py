"""The banner of ``shoal up``, and how it starts and stops a pool."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from shoal.cli.running import Stop
from shoal.cli.up import _serve, banner
from shoal.domain.stats import Stats
from shoal.errors import ShoalError
from shoal.options import Options


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("shoal.app")
    monkeypatch.setitem(sys.modules, "shoal.app", module)
    return module


def with_pool(wait: Callable[[asyncio.Event], Any], log: list[str]) -> Any:
    @asynccontextmanager
    async def open_pool(
        options: Options, *, announce: Callable[[str], None], origins: dict[str, str]
    ) -> AsyncIterator[Any]:
        log.append("opened")
        try:
            service = SimpleNamespace(stats=Stats)
            yield SimpleNamespace(
                service=service,
                api_url="http://127.0.0.1:1",
                contacts=("judge j",),
                wait=wait,
                gateway_url=None,
                refuse=lambda: None,
            )
        finally:
            log.append("closed")

    return open_pool


async def test_it_tells_what_runs_and_ends_when_told_to(
    app: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log: list[str] = []
    app.open_pool = with_pool(lambda stop: stop.wait(), log)  # type: ignore[attr-defined]
    stop = Stop()
    stop.set()
    assert await _serve(Options(), {}, "shoal up", stop) == 0
    assert log == ["opened", "closed"]
    assert "curl http://127.0.0.1:1/get/" in capsys.readouterr().out


async def test_what_ends_the_pool_ends_the_program(app: ModuleType) -> None:
    async def wait(stop: asyncio.Event) -> None:
        raise ShoalError("the disk is full")

    log: list[str] = []
    app.open_pool = with_pool(wait, log)  # type: ignore[attr-defined]
    with pytest.raises(ShoalError, match="the disk is full"):
        await _serve(Options(), {}, "shoal up", Stop())
    assert log == ["opened", "closed"]


def test_the_banner_says_where_things_are_and_whom_it_contacts() -> None:
    contacts = ("judge j.example", *(f"source s{n}.example" for n in range(9)))
    text = banner(
        "shoal up", "http://127.0.0.1:5010/", Path("/data/shoal"), Options(), contacts, "http://127.0.0.1:5011"
    )
    assert "http://127.0.0.1:5011" in text
    assert "curl http://127.0.0.1:5010/get/" in text and "/data/shoal" in text
    assert "judges at j.example; sources at s0.example, s1.example, s2.example, s3.example and 5 more;" in text


def test_the_banner_says_so_when_nobody_is_contacted() -> None:
    assert "no source and no judge" in banner("shoal up", "http://127.0.0.1:1", Path("/d"), Options(), ())
