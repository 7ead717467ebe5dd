"""The lost update mended twice: by a lock, and by a queue to the one thread that owns the number.

python examples/concurrency/lost_update_fixed.py
"""

import queue
import sys
import threading
import time

THREADS = 4
PICKS = 2_000


class LockedPool:
    """Whoever reads in order to write holds the lock until it has written."""

    def __init__(self) -> None:
        self.picks = 0
        self._lock = threading.Lock()

    def pick(self) -> None:
        with self._lock:
            seen = self.picks
            time.sleep(0)  # other threads run here, and wait for the lock
            self.picks = seen + 1


class OwnedPool:
    """One thread owns the number; the others send it messages. Nothing is shared, so nothing is locked here: the
    queue has its own lock inside. Shoal does it like this: one writer per fact."""

    def __init__(self) -> None:
        self.picks = 0
        self._inbox: queue.Queue[int | None] = queue.Queue(maxsize=100)
        self._owner = threading.Thread(target=self._own)
        self._owner.start()

    def pick(self) -> None:
        self._inbox.put(1)  # waits while the inbox is full: a fast sender cannot fill the memory

    def close(self) -> None:
        self._inbox.put(None)
        self._owner.join()

    def _own(self) -> None:
        while (message := self._inbox.get()) is not None:
            seen = self.picks
            time.sleep(0)
            self.picks = seen + message


def by_lock() -> int:
    pool = LockedPool()
    run(pool)
    return pool.picks


def by_queue() -> int:
    pool = OwnedPool()
    run(pool)
    pool.close()
    return pool.picks


def run(pool) -> None:
    def work() -> None:
        for _ in range(PICKS):
            pool.pick()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)


def main() -> None:
    made = THREADS * PICKS
    print(f"by lock:   {made} picks made, {by_lock()} counted")
    print(f"by queue:  {made} picks made, {by_queue()} counted")


if __name__ == "__main__":
    main()
