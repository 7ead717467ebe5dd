"""``python -m shoal.cli.worker``: one process of several that check. Told what to do on its standard input."""

from __future__ import annotations

import asyncio
import signal
import sys


async def _serve() -> None:
    import msgspec

    from shoal.app import open_prober
    from shoal.engine.workers import read_frame, serve
    from shoal.options import Options

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    hello = await read_frame(reader)
    if hello is None:
        return
    async with open_prober(msgspec.msgpack.decode(hello, type=Options)) as guard:
        await serve(reader, writer, guard, guard)


def main() -> None:
    import uvloop

    # An interrupt from the terminal reaches every process of the group: the parent ends us when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
