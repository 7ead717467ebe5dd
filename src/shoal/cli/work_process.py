"""``python -m shoal.cli.work_process``: one process of ``shoal worker``. Told its settings on its standard input."""

from __future__ import annotations

import asyncio
import signal
import sys


async def _work(stop: asyncio.Event) -> int:
    import msgspec

    from shoal.app.worker import run_worker
    from shoal.options import Options
    from shoal.telemetry import configure_logs

    configure_logs("")
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    try:
        hello = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
    except asyncio.IncompleteReadError:
        return 0

    async def parent_gone() -> None:
        await reader.read()
        stop.set()

    watching = loop.create_task(parent_gone(), name="parent")
    try:
        await run_worker(msgspec.msgpack.decode(hello, type=Options), stop)
    finally:
        watching.cancel()
    return 0


def main() -> int:
    from shoal.cli.exits import explain, say
    from shoal.cli.running import run_until_stopped

    # An interrupt from the terminal reaches every process of the group: the parent ends us when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return run_until_stopped(_work)
    except Exception as error:  # the last place where an error can become a sentence; unknown ones go on
        told = explain(error)
        if told is None:
            raise
        say(told[1])
        return told[0]


if __name__ == "__main__":
    from shoal.cli.running import leave

    leave(main())
