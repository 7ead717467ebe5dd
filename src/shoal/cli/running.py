"""One event loop, and what Ctrl-C and SIGTERM do to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from types import FrameType
from typing import Any, Final, NoReturn

from shoal.cli.exits import INTERRUPTED, say
from shoal.net.descriptors import need_descriptors

STOP_LIMIT: Final = 2.8
"""Seconds from the first signal to the end: service managers and people lose patience at about three."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_DEFAULTS: Final = (signal.SIG_DFL, signal.default_int_handler)
AGAIN: Final = 0.3
"""Seconds within which a second Ctrl-C is the first one that came twice."""


class Stop(asyncio.Event):
    """Set in the loop's own time, which under load may be seconds after the signal; ``at_once`` are called in the
    moment of the signal, in the middle of whatever runs, and may do no more than set attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once: list[Callable[[], None]] = []


Main = Callable[[Stop], Coroutine[Any, Any, int]]


def run_until_stopped(main: Main) -> int:
    """Run ``main`` to its end. The first SIGINT or SIGTERM sets its event, a second Ctrl-C leaves at once.

    Returns what ``main`` returns. Raises ConfigError where the system allows too few open files. A process that is not
    down ``STOP_LIMIT`` seconds after the first signal is ended.
    """
    return _run(main, cancel=False)


def run_until_interrupted(main: Main) -> int:
    """Run ``main`` to its end. SIGINT or SIGTERM sets its event and cancels it; then the code is ``INTERRUPTED``."""
    return _run(main, cancel=True)


def _run(main: Main, *, cancel: bool) -> int:
    need_descriptors()
    # Of all queues only this one may be put into by a signal handler.
    signalled: SimpleQueue[None] = SimpleQueue()
    over = threading.Event()
    asked: list[bool] = []

    def watch() -> None:
        signalled.get()
        if not over.wait(STOP_LIMIT):
            _leave_at_once("did not stop in time and was ended")

    def alarm() -> None:
        asked.append(True)
        signalled.put(None)

    threading.Thread(target=watch, name="stop limit", daemon=True).start()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_guarded(main, alarm, cancel=cancel))
    finally:
        # Not before: closing the loop waits for threads, which may hang on a name or a broker.
        over.set()
        signalled.put(None)
        for number, handler in before.items():
            # The second of a pair may come only now, and must not kill by its default what has stopped as it was asked.
            signal.signal(number, signal.SIG_IGN if asked and handler in _DEFAULTS else handler)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.new_event_loop


async def _guarded(main: Main, alarm: Callable[[], None], *, cancel: bool) -> int:
    loop = asyncio.get_running_loop()
    stop = Stop()
    task = asyncio.current_task()
    assert task is not None
    first = 0.0

    def on_turn(number: int) -> None:
        nonlocal first
        if stop.is_set():
            # Service managers and timeout(1) signal a process and then its whole group: only a person who presses
            # Ctrl-C again has lost patience.
            if number == signal.SIGINT and loop.time() - first >= AGAIN:
                _leave_at_once("interrupted twice, leaving at once")
            return
        stop.set()
        first = loop.time()
        if cancel:
            task.cancel()

    def on_signal(number: int, _: FrameType | None) -> None:
        alarm()
        for act in stop.at_once:
            act()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(on_turn, number)

    for number in _SIGNALS:
        # Not the loop's own handlers: those wait for its next turn.
        signal.signal(number, on_signal)
    try:
        return await main(stop)
    except asyncio.CancelledError:
        if not (cancel and stop.is_set()):
            raise
        say("interrupted")
        return INTERRUPTED


def leave(code: int) -> NoReturn:
    """End this process without taking it apart: object by object that takes longer than all of stopping for a large
    pool. Nothing is left to be done by then."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _leave_at_once(why: str) -> None:
    if sys.stderr.isatty():
        # A live panel hides the cursor; nobody else would show it again.
        sys.__stderr__ and sys.__stderr__.write("\x1b[?25h\n")
    say(why)
    os._exit(INTERRUPTED)
