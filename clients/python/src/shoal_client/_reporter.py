"""Reporter: tells the pool what was seen, from a thread of its own, so that no request waits for it."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import deque
from typing import Any

from shoal_client._api import API
from shoal_client.errors import PoolError

QUEUE_LIMIT = 1000
"""Reports waiting; beyond it the oldest goes: what is newest says most."""
_PAUSE = 5.0
"""Seconds without reports after the pool could not be reached."""
_IDLE = 30.0
"""Seconds after which a thread with nothing to do ends."""
_Job = tuple[str, str, dict[str, Any] | None]


class Reporter:
    """``put`` never blocks. An older pool that knows no feedback is asked once and left alone from then on."""

    def __init__(self, api: API) -> None:
        self._api = api
        self._jobs: deque[_Job] = deque(maxlen=QUEUE_LIMIT)
        self._condition = threading.Condition()
        self._busy = False
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()
        self._unknown: set[str] = set()
        _all.add(self)

    def put(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Queue one call of the API."""
        if path in self._unknown:
            return
        if self._owner != os.getpid():  # a fork has the queue, but not the thread
            self._owner, self._thread, self._busy = os.getpid(), None, False
            self._condition = threading.Condition()
            self._jobs.clear()
        with self._condition:
            self._jobs.append((method, path, body))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="shoal feedback", daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all is told, at most ``timeout`` seconds; whether it is."""
        end = time.monotonic() + timeout
        with self._condition:
            while self._jobs or self._busy:
                left = end - time.monotonic()
                if left <= 0 or self._thread is None:
                    return False
                self._condition.wait(left)
        return True

    def _run(self) -> None:
        while True:
            with self._condition:
                self._busy = False
                self._condition.notify_all()
                if not self._jobs and not self._condition.wait_for(lambda: bool(self._jobs), _IDLE):
                    self._thread = None
                    return
                job = self._jobs.popleft()
                self._busy = True
            self._tell(job)

    def _tell(self, job: _Job) -> None:
        method, path, body = job
        try:
            status, answer = self._api.call(method, path, body=body)
        except PoolError:
            with self._condition:
                self._busy = False
                self._jobs.clear()
                self._condition.notify_all()
            time.sleep(_PAUSE)
            return
        known = isinstance(answer, dict) and answer.get("code") in ("unknown_proxy", "unknown_lease")
        if status in (404, 405) and not known and path == "/v1/feedback":
            self._unknown.add(path)


_all: weakref.WeakSet[Reporter] = weakref.WeakSet()


@atexit.register
def _at_exit() -> None:
    end = time.monotonic() + 2.0
    for reporter in list(_all):
        reporter.flush(max(0.0, end - time.monotonic()))
