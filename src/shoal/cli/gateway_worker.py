"""``python -m shoal.cli.gateway_worker``: one process of a gateway of several, told what to do on standard input."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType


async def _serve() -> None:
    from shoal.app.gateway_child import serve_child
    from shoal.telemetry import configure_logs

    # Messages go over standard output: whatever else writes there goes where errors go.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    configure_logs(os.environ.get("SHOAL_LOG") or "")
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    # An interrupt from the terminal reaches every process of the group: the parent ends us when it is done.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    at_once: list[Callable[[], None]] = []

    def told(number: int, frame: FrameType | None) -> None:
        for act in at_once:
            act()
        loop.call_soon_threadsafe(stop.set)

    # Not the loop's own handler, which waits for its next turn.
    signal.signal(signal.SIGTERM, told)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, out)
    await serve_child(reader, asyncio.StreamWriter(transport, protocol, None, loop), stop, at_once)


def main() -> None:
    import uvloop

    uvloop.run(_serve())


if __name__ == "__main__":
    main()
