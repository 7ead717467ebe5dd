"""``shoal schedule`` and ``shoal server``: the two halves of ``shoal up``, in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import OK
from shoal.cli.flags import origins, running

if TYPE_CHECKING:
    from shoal.app import Pool
    from shoal.cli.running import Stop
    from shoal.options import Options

_NOTE = "They share the data folder (`--data`): `schedule` owns it, and any number of `server` follow it."


@click.command(epilog=_NOTE)
@running
def schedule(options: Options) -> int:
    """Collect and check, without API and gateway: one half of `shoal up`.

    `shoal server` with the same data folder hands out what it finds, and may be started and stopped as you like.
    """
    from shoal.app import open_scheduler

    return _run(options, "shoal schedule", open_scheduler)


@click.command(epilog=_NOTE)
@running
def server(options: Options) -> int:
    """Serve API and gateway, without collecting or checking: the other half of `shoal up`.

    It follows a `shoal schedule` on the same data folder, which must be there when it starts; while that is restarted
    it goes on from memory. It contacts no source and no judge, and proxies only for the gateway's clients.
    """
    from shoal.app import open_server

    return _run(options, "shoal server", open_server)


def _run(options: Options, title: str, open_half: Callable[..., AbstractAsyncContextManager[Pool]]) -> int:
    from shoal.cli.running import run_until_stopped

    opened = partial(open_half, options, origins=origins())
    return run_until_stopped(lambda stop: _serve(options, title, opened, stop))


async def _serve(
    options: Options, title: str, open_half: Callable[..., AbstractAsyncContextManager[Pool]], stop: Stop
) -> int:
    from shoal.cli.screen import announce
    from shoal.cli.up import banner, shown_until
    from shoal.config import data_folder

    async with open_half(announce=announce) as pool:
        stop.at_once.append(pool.refuse)
        click.echo(banner(title, pool.api_url, data_folder(options), options, pool.contacts, pool.gateway_url))
        await shown_until(pool, title, stop)
    return OK
