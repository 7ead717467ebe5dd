"""A pool whose checks run in processes of their own: one may be killed and nothing is lost or blamed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from shoal.app import open_pool
from shoal.cli.demo import options_for
from shoal.lab import Lab
from shoal.options import ApiOptions, CheckOptions, GatewayOptions, Options

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the lab needs Linux")
BOUND = 60.0


def workers() -> set[int]:
    """Children of this process that check."""
    found = set()
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in task.read_text().split():
            with contextlib.suppress(OSError):
                if b"shoal.cli.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.add(int(pid))
    return found


async def until(condition, what):
    try:
        async with asyncio.timeout(BOUND):
            while not condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(what) from None


async def test_a_killed_checking_process_is_replaced_and_nobody_is_blamed(tmp_path):
    options = Options(
        api=ApiOptions(listen="127.0.0.1:0"),
        gateway=GatewayOptions(listen="127.0.0.1:0"),
        check=CheckOptions(processes=2),
    )
    async with Lab(size=40, preset="alive", latency_scale=0.0, folder=tmp_path / "lab") as lab:
        index = lab.describe()
        async with open_pool(options_for(options, index, tmp_path / "data"), announce=lambda _: None) as pool:
            service = pool.service
            await until(lambda: service.stats().working >= 5, "nothing was found to work")
            before = workers()
            assert len(before) == 2
            killed = min(before)
            os.kill(killed, signal.SIGKILL)
            await until(lambda: len(workers() - {killed}) == 2, "no process took the place of the killed one")
            # What the killed one had in its hands is checked again: in the end nobody is left out.
            await until(lambda: not service.stats().unchecked, "some were never checked")
            stats = service.stats()
            assert stats.known == len({str(proxy.endpoint) for proxy in lab.population}), stats
            assert stats.working == stats.known, stats
        assert not workers()
