"""Waiting for one's turn under a rate."""

from __future__ import annotations

import asyncio

from shoal.policy.pacing import TokenBucket


async def wait_turn(bucket: TokenBucket) -> None:
    """Take a token, as soon as there is one."""
    loop = asyncio.get_running_loop()
    # Others draw from the same bucket meanwhile: nobody could tell us when.
    while (wait := bucket.take(loop.time())) > 0.0:  # noqa: ASYNC110
        await asyncio.sleep(wait)
