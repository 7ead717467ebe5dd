"""Five ways to have many jobs under way, each until a deadline (monotonic clock): what was done, what went well."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import uvloop

from _concurrency_jobs import JOBS

STACK_BYTES = 262_144
Count = tuple[int, int]
"""Jobs done, and how many of them succeeded."""


def loop(job: str, work: Sequence[Any], at_once: int, deadline: float, first: int = 0) -> Count:
    """One after another; one at least."""
    run, _ = JOBS[job]
    good = 0
    for done in itertools.count(1):
        good += run(work[(first + done) % len(work)])
        if time.monotonic() >= deadline:
            return done, good
    raise AssertionError


def threads(job: str, work: Sequence[Any], at_once: int, deadline: float) -> Count:
    """A thread for each job in flight."""
    counts: list[Count] = []  # list.append is one step under the GIL, so no lock
    threading.stack_size(STACK_BYTES)
    everyone = []
    try:
        for number in range(at_once):
            thread = threading.Thread(target=lambda number=number: counts.append(loop(job, work, 1, deadline, number)))
            thread.start()
            everyone.append(thread)
    finally:
        for thread in everyone:
            thread.join()
    return _sum(counts)


def processes(job: str, work: Sequence[Any], at_once: int, deadline: float) -> Count:
    """A process for each job in flight."""
    return _in_processes([(job, work, 1, deadline, number) for number in range(at_once)], loop)


def coroutines(job: str, work: Sequence[Any], at_once: int, deadline: float, first: int = 0) -> Count:
    """One thread, one event loop, a coroutine for each job in flight."""

    async def main() -> Count:
        run = JOBS[job][1]()
        done = good = 0

        async def body(number: int) -> None:
            nonlocal done, good
            while True:
                number += 1
                # Not `good += await run(...)`, which reads `good` before it waits and so forgets what others added.
                went_well = await run(work[number % len(work)])
                good += went_well
                done += 1
                if time.monotonic() >= deadline:
                    return

        async with asyncio.TaskGroup() as group:
            for number in range(at_once):
                group.create_task(body(first + number), name=f"body {number}")
        return done, good

    return uvloop.run(main())


def both(job: str, work: Sequence[Any], at_once: int, deadline: float) -> Count:
    """A process for each core, coroutines in each: what Shoal does."""
    cores = max(2, len(os.sched_getaffinity(0)))
    share = -(-at_once // cores)
    return _in_processes([(job, work, share, deadline, number * share) for number in range(cores)], coroutines)


def _in_processes(calls: list[tuple[Any, ...]], run: Callable[..., Count]) -> Count:
    # fork: this process has no thread but one, and starting a thousand interpreters anew would measure just that.
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()

    def body(call: tuple[Any, ...]) -> None:
        results.put(run(*call))

    children = [context.Process(target=body, args=(call,)) for call in calls]
    for child in children:
        child.start()
    counts = [results.get() for _ in children]
    for child in children:
        child.join()
    return _sum(counts)


def _sum(counts: list[Count]) -> Count:
    return sum(done for done, _ in counts), sum(good for _, good in counts)


MODELS: dict[str, Callable[[str, Sequence[Any], int, float], Count]] = {
    "loop": loop,
    "threads": threads,
    "processes": processes,
    "coroutines": coroutines,
    "processes x coroutines": both,
}
