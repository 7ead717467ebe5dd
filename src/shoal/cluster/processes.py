"""Processes: several of one kind, started again when they end by themselves, ended with their parent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from shoal.log import Log

_RESTART_PAUSE: Final = 1.0
_PATIENCE: Final = 2.2
"""Seconds from being told to stop to being killed."""

log = Log("shoal.processes")


async def run_processes(command: Sequence[str], hello: bytes, number: int, stop: asyncio.Event) -> None:
    """``number`` processes, each told ``hello`` on its standard input, which stays open: its end tells a child that
    this process is gone. Returns when ``stop`` is set and all have ended."""
    async with asyncio.TaskGroup() as tasks:
        for _ in range(number):
            tasks.create_task(_keep_running(command, hello, stop), name="child process")


async def _keep_running(command: Sequence[str], hello: bytes, stop: asyncio.Event) -> None:
    while not stop.is_set():
        child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
        assert child.stdin is not None
        with contextlib.suppress(ConnectionError):
            child.stdin.write(len(hello).to_bytes(4, "big") + hello)
            await child.stdin.drain()
        loop = asyncio.get_running_loop()
        ending = loop.create_task(child.wait(), name="child's end")
        stopping = loop.create_task(stop.wait(), name="stop")
        await asyncio.wait((ending, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.terminate()
                await asyncio.wait((ending,), timeout=_PATIENCE)
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
            await ending
            return
        stopping.cancel()
        log.warning("a process ended by itself and is started again", code=child.returncode)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RESTART_PAUSE):
                await stop.wait()
