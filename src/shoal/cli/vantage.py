"""Whether anything can be checked from here: told at once instead of waiting in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from shoal.cli.exits import say
from shoal.errors import NoJudgeError

if TYPE_CHECKING:
    from shoal.ports import Vantage

_POLL: Final = 0.05
_PATIENCE: Final = 1.0
"""Seconds that a judge gets after every one was asked and failed: the second look may be luckier."""


async def wait_for_judge(vantage: Vantage, timeout: float) -> None:
    """Return as soon as a judge answers. Raises ``NoJudgeError`` when all were asked in vain, or after ``timeout``."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while not (vantage.healthy and any(judge.ok for judge in vantage.judges)):
        waited = loop.time() - started
        asked = all(judge.checked_at for judge in vantage.judges)
        if waited > timeout + _PATIENCE or (asked and waited > _PATIENCE):
            raise NoJudgeError(_why(vantage))
        await asyncio.sleep(_POLL)


def _why(vantage: Vantage) -> str:
    if not vantage.judges:
        return "there is no judge to check with; name one with --judge URL, or run one with `shoal judge`"
    errors = "; ".join(f"{judge.url}: {judge.error or 'no answer'}" for judge in vantage.judges[:3])
    more = f" and {len(vantage.judges) - 3} more" if len(vantage.judges) > 3 else ""
    return f"no judge answers, so nothing can be checked ({errors}{more}); name one within reach with --judge URL"


@asynccontextmanager
async def watched(vantage: Vantage) -> AsyncIterator[None]:
    """While open, tells when checks pause because no judge answers, and when they go on."""
    watcher = asyncio.create_task(_watch(vantage), name="vantage watcher")
    try:
        yield
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def _watch(vantage: Vantage) -> None:
    was = True
    while True:
        if vantage.healthy is not was:
            was = not was
            say(
                "a judge answers again, checks go on"
                if was
                else "no judge answers any more, checks pause until one does"
            )
        await asyncio.sleep(1.0)
