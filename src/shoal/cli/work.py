"""``shoal worker``: checks what schedulers send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import OK
from shoal.cli.flags import working

if TYPE_CHECKING:
    import asyncio

    from shoal.options import Options


@click.command()
@working
@click.option("--processes", metavar="N", type=click.IntRange(1, 256), help="Processes; default: one a core.")
def worker(options: Options, processes: int | None) -> int:
    """Check what a scheduler sends, on this machine, with any number of others.

    It works on the store of a `shoal up` or `shoal schedule` that runs with the same `--store redis://...`, and needs
    the same judges and settings. `--concurrency` counts for each process.
    """
    import os

    from shoal.app.worker import check_worker
    from shoal.cli.running import run_until_stopped

    check_worker(options)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return run_until_stopped(lambda stop: _work(options, processes or cores, stop))


async def _work(options: Options, processes: int, stop: asyncio.Event) -> int:
    import sys

    import msgspec

    from shoal import __version__
    from shoal.app.worker import run_worker
    from shoal.cluster.processes import run_processes
    from shoal.telemetry.redact import redacted

    rows = (
        ("store", redacted(options.store.url or "")),
        ("broker", redacted(options.cluster.broker) if options.cluster.broker else "the store"),
        ("vantage", options.cluster.vantage),
        ("checks", f"{options.check.concurrency} at once in each of {processes} process{'es' * (processes > 1)}"),
    )
    click.echo(f"Shoal {__version__}\n" + "\n".join(f"  {label:<9} {text}" for label, text in rows))
    if processes == 1:
        await run_worker(options, stop)
    else:
        command = (sys.executable, "-m", "shoal.cli.work_process")
        await run_processes(command, msgspec.msgpack.encode(options), processes, stop)
    return OK
