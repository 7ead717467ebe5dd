"""Owner of the gateway's tasks: a failing one takes no other down, and none outlives the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Named tasks that are ended with their owner. ``crashes`` counts those that ended by an exception of ours.

    A TaskGroup would end every client's connection for a mistake met by one.
    """

    __slots__ = ("_loop", "_running", "crashes")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._running: set[asyncio.Task[None]] = set()
        self.crashes = 0

    def start(self, job: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self._loop.create_task(job, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.crashes += 1
            self._loop.call_exception_handler(
                {"message": f"the gateway's task {task.get_name()} failed", "exception": error, "task": task}
            )

    async def close(self) -> None:
        """Cancel all and wait for their end."""
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=1.0)
