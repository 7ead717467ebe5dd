"""A sign of life for ``shoal health``: a file that is touched while the loop turns."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

VARIABLE: Final = "SHOAL_HEALTH_FILE"
_INTERVAL: Final = 2.0


async def stay_alive(is_well: Callable[[], bool] = lambda: True) -> None:
    """Touch the file that the environment names, if any, every two seconds while ``is_well``; until cancelled."""
    name = os.environ.get(VARIABLE)
    while True:
        if name and is_well():
            # A full or read-only disk makes us look unwell, which is true.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(Path(name).touch)
        await asyncio.sleep(_INTERVAL)
