"""One event loop, and what Ctrl-C and SIGTERM do to it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from shoal.cli.exits import INTERRUPTED, say

STOP_LIMIT: Final = 2.8
"""Seconds from the first signal to the end: service managers and people lose patience at about three."""
AGAIN: Final = 0.3
"""Seconds within which a second Ctrl-C is the first one that came twice."""

Main = Callable[[asyncio.Event], Coroutine[Any, Any, int]]


def run_until_stopped(main: Main) -> int:
    """Run ``main`` to its end. The first SIGINT or SIGTERM sets its event, a second Ctrl-C leaves at once.

    Returns what ``main`` returns. A process that is not down ``STOP_LIMIT`` seconds after the first signal is ended.
    """
    return _run(main, cancel=False)


def run_until_interrupted(main: Main) -> int:
    """Run ``main`` to its end. SIGINT or SIGTERM sets its event and cancels it; then the code is ``INTERRUPTED``."""
    return _run(main, cancel=True)


def _run(main: Main, *, cancel: bool) -> int:
    deadline = threading.Timer(STOP_LIMIT, _leave_at_once, ("did not stop in time and was ended",))
    deadline.daemon = True
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_guarded(main, deadline, cancel=cancel))
    finally:
        # Not before: closing the loop waits for threads, which may hang on a name or a broker.
        deadline.cancel()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.new_event_loop


async def _guarded(main: Main, deadline: threading.Timer, *, cancel: bool) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    task = asyncio.current_task()
    assert task is not None
    first = 0.0

    def on_signal(number: signal.Signals) -> None:
        nonlocal first
        if stop.is_set():
            # Service managers and timeout(1) signal a process and then its whole group: only a person who presses
            # Ctrl-C again has lost patience.
            if number is signal.SIGINT and loop.time() - first >= AGAIN:
                _leave_at_once("interrupted twice, leaving at once")
            return
        stop.set()
        first = loop.time()
        deadline.start()
        if cancel:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await main(stop)
    except asyncio.CancelledError:
        if not (cancel and stop.is_set()):
            raise
        say("interrupted")
        return INTERRUPTED


def _leave_at_once(why: str) -> None:
    if sys.stderr.isatty():
        # A live panel hides the cursor; nobody else would show it again.
        sys.__stderr__ and sys.__stderr__.write("\x1b[?25h\n")
    say(why)
    os._exit(INTERRUPTED)
