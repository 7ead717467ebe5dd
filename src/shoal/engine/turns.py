"""Taking turns: under a rate, and with others while something long is done in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shoal.policy.pacing import TokenBucket


async def wait_turn(bucket: TokenBucket) -> None:
    """Take a token, as soon as there is one."""
    loop = asyncio.get_running_loop()
    # Others draw from the same bucket meanwhile: nobody could tell us when.
    while (wait := bucket.take(loop.time())) > 0.0:  # noqa: ASYNC110
        await asyncio.sleep(wait)


async def in_parts(advance: Callable[[], bool]) -> None:
    """Do a part after the other, until there is none left; everything else that is due gets its turn in between."""
    while not advance():  # noqa: ASYNC110 - nobody else does it
        await asyncio.sleep(0)
