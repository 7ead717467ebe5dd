"""A thread that waits for itself, and the re-entrant lock that lets it pass.

    python examples/concurrency/reentrant_lock.py

A method that holds the lock calls another one that takes it too. A plain lock does not know who holds it, so the thread
waits for itself. A re-entrant lock counts how often its holder took it, and opens when that many were given back.
"""

import threading

LIMIT = 0.3


class Pool:
    def __init__(self, lock) -> None:
        self._lock = lock
        self.proxies = {"192.0.2.1:80", "192.0.2.2:80"}
        self.removed: list[str] = []

    def remove(self, proxy: str) -> bool:
        if not self._lock.acquire(timeout=LIMIT):
            return False
        try:
            self.proxies.discard(proxy)
            self.removed.append(proxy)
            return True
        finally:
            self._lock.release()

    def clear(self) -> bool:
        """All of them or none, so nobody may come in between: takes the lock, then calls ``remove``, which does too."""
        with self._lock:
            gone = [self.remove(proxy) for proxy in sorted(self.proxies)]
            return all(gone)


def with_plain_lock() -> bool:
    return Pool(threading.Lock()).clear()


def with_reentrant_lock() -> bool:
    return Pool(threading.RLock()).clear()


def main() -> None:
    print(f"Lock:   cleared: {with_plain_lock()} (each remove waited {LIMIT} s for its own thread, then gave up)")
    print(f"RLock:  cleared: {with_reentrant_lock()}")


if __name__ == "__main__":
    main()
