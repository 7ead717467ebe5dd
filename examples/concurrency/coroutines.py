"""Coroutines lose updates too: only at `await`. The cure is to have none between reading and writing.

python examples/concurrency/coroutines.py
"""

import asyncio

TASKS = 100


class Pool:
    def __init__(self) -> None:
        self.picks = 0
        self.lock = asyncio.Lock()

    async def pick_with_await_in_between(self) -> None:
        seen = self.picks
        await asyncio.sleep(0)  # every other task runs here, and reads the same number
        self.picks = seen + 1

    async def pick_with_await_on_the_right(self) -> None:
        # The same fault, harder to see: `+=` reads the left side first, then waits, then writes.
        self.picks += await one()

    async def pick_then_await(self) -> None:
        """Decide first, act afterwards: no other task can run between these two lines' reading and writing. Most of
        Shoal is written like this, and needs no lock."""
        self.picks += 1
        await asyncio.sleep(0)

    async def pick_under_lock(self) -> None:
        """Where an `await` in the middle cannot be avoided."""
        async with self.lock:
            seen = self.picks
            await asyncio.sleep(0)
            self.picks = seen + 1


async def one() -> int:
    await asyncio.sleep(0)
    return 1


async def count(name: str) -> int:
    pool = Pool()
    await asyncio.gather(*(getattr(pool, name)() for _ in range(TASKS)))
    return pool.picks


def main() -> None:
    for name in (
        "pick_with_await_in_between",
        "pick_with_await_on_the_right",
        "pick_then_await",
        "pick_under_lock",
    ):
        print(f"{name:<30} {TASKS} picks made, {asyncio.run(count(name))} counted")


if __name__ == "__main__":
    main()
