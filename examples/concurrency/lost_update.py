"""A lost update: four threads count, and some of what they counted is gone. With the GIL, every time.

    python examples/concurrency/lost_update.py

The GIL lets one thread run Python at a time. It does not say *when* the next one gets its turn: between reading a value
and writing it back another thread may do the same, and one of the two writes is lost.
"""

import sys
import threading
import time

THREADS = 4
PICKS = 2_000


class Pool:
    """Counts what it hands out."""

    def __init__(self) -> None:
        self.picks = 0

    def pick(self) -> None:
        seen = self.picks  # read
        note(seen)  # a switch point: whatever waits for a disk or a socket lets other threads run
        self.picks = seen + 1  # write back what may be old by now

    def pick_with_a_call(self) -> None:
        self.picks = after(self.picks)  # a function begins here: one of the places where CPython may change threads

    def pick_in_one_line(self) -> None:
        self.picks += 1


def note(number: int) -> None:
    """Stands for a line of a log: like all input and output it lets go of the GIL while it waits."""
    time.sleep(0)


def after(number: int) -> int:
    return number + 1


def step_by_step() -> int:
    """The unlucky order, made sure of by a barrier: both read before either writes, so two picks count as one."""
    pool, both_have_read = Pool(), threading.Barrier(2)

    def pick() -> None:
        seen = pool.picks
        both_have_read.wait(timeout=10)
        pool.picks = seen + 1

    in_threads([pick, pick])
    return pool.picks


def at_full_speed(name: str = "pick") -> int:
    """No barrier, no luck: how many of ``THREADS * PICKS`` were counted."""
    pool = Pool()
    pick = getattr(pool, name)
    start = threading.Barrier(THREADS)

    def work() -> None:
        start.wait(timeout=10)
        for _ in range(PICKS):
            pick()

    interval = sys.getswitchinterval()
    # Threads that compute change places every 5 ms; more often shows in a second what production shows in a month.
    sys.setswitchinterval(1e-6)
    try:
        in_threads([work] * THREADS)
    finally:
        sys.setswitchinterval(interval)
    return pool.picks


def in_threads(jobs) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    print(f"step by step:   2 picks made, {step_by_step()} counted")
    made = THREADS * PICKS
    counted = at_full_speed()
    print(f"at full speed:  {made} picks made, {counted} counted, {made - counted} lost")
    counted = at_full_speed("pick_with_a_call")
    # The worst kind of fault: it shows in some runs and not in others.
    print(f"with a call:    {made} picks made, {counted} counted, {made - counted} lost in this run")
    counted = at_full_speed("pick_in_one_line")
    # CPython 3.10 and later look for other threads only where a function begins and where a loop jumps back: there is
    # no such place inside `+=` on a plain attribute. That is luck of this interpreter, not a promise of the language:
    # earlier ones lost updates here, so do those without a GIL, and so does an attribute that is a property.
    version = sys.version.split()[0]
    print(f"with `+= 1`:    {made} picks made, {counted} counted, {made - counted} lost (on Python {version})")


if __name__ == "__main__":
    main()
