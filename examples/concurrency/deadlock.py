"""A deadlock of two locks, ended by a time limit, and the same work done in one order.

    python examples/concurrency/deadlock.py

Moving a proxy from one list to another needs both lists to stand still, so it takes both locks. Two threads that move
in opposite directions can each hold one lock and wait for the other's: for ever, were there no limit.
"""

import threading

LIMIT = 0.5
"""Seconds that a thread waits for its second lock before it gives up."""


class ProxyList:
    def __init__(self, name: str, *proxies: str) -> None:
        self.name = name
        self.proxies = set(proxies)
        self.lock = threading.Lock()


def move_as_it_comes(proxy: str, source: ProxyList, to: ProxyList, both_hold_one=None) -> str:
    """Locks the source first, whichever it is."""
    with source.lock:
        if both_hold_one is not None:
            both_hold_one.wait(timeout=10)  # makes sure of the unlucky moment, so that this example shows it each time
        if not to.lock.acquire(timeout=LIMIT):
            return f"gave up: holds {source.name}, waited {LIMIT} s for {to.name}"
        try:
            source.proxies.remove(proxy)
            to.proxies.add(proxy)
            return f"moved {proxy} from {source.name} to {to.name}"
        finally:
            to.lock.release()


def move_in_order(proxy: str, source: ProxyList, to: ProxyList) -> str:
    """Locks the list whose name comes first, whichever way the proxy goes: nobody who holds a later lock ever waits for
    an earlier one, so no circle can close."""
    first, second = sorted((source, to), key=lambda one: one.name)
    with first.lock, second.lock:
        source.proxies.remove(proxy)
        to.proxies.add(proxy)
        return f"moved {proxy} from {source.name} to {to.name}"


def deadlock() -> list[str]:
    """What both threads report. At least one gives up; without the limit neither would ever end."""
    fast, slow = ProxyList("fast", "192.0.2.1:80"), ProxyList("slow", "192.0.2.2:80")
    barrier = threading.Barrier(2)
    return both(
        lambda: move_as_it_comes("192.0.2.1:80", fast, slow, barrier),
        lambda: move_as_it_comes("192.0.2.2:80", slow, fast, barrier),
    )


def in_order() -> list[str]:
    fast, slow = ProxyList("fast", "192.0.2.1:80"), ProxyList("slow", "192.0.2.2:80")
    return both(
        lambda: move_in_order("192.0.2.1:80", fast, slow),
        lambda: move_in_order("192.0.2.2:80", slow, fast),
    )


def both(*jobs) -> list[str]:
    told: list[str] = []
    threads = [threading.Thread(target=lambda job=job: told.append(job())) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


def main() -> None:
    print("as it comes:")
    for line in deadlock():
        print("  " + line)
    print("in one order:")
    for line in in_order():
        print("  " + line)


if __name__ == "__main__":
    main()
