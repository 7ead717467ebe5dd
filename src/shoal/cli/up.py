"""``shoal up``: the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import OK, say
from shoal.cli.flags import origins, running

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from shoal.app import Pool
    from shoal.cli.running import Stop
    from shoal.options import Options


@click.command()
@running
def up(options: Options) -> int:
    """Run the pool: collect, check, remember and hand out, all in this process.

    It goes on until Ctrl-C or SIGTERM, and continues where it stopped when started again. With no list of your own it
    reads the public lists of the built-in catalogue. It says at the start whom it contacts.
    """
    return serve(options, "shoal up")


def serve(options: Options, title: str) -> int:
    """Run a pool with these settings until it is told to stop; the exit code."""
    from shoal.cli.running import run_until_stopped

    given = origins()
    return run_until_stopped(lambda stop: _serve(options, given, title, stop))


async def _serve(options: Options, given: dict[str, str], title: str, stop: Stop) -> int:
    from shoal.app import open_pool
    from shoal.cli.screen import announce
    from shoal.config import data_folder

    async with open_pool(options, announce=announce, origins=given) as pool:
        stop.at_once.append(pool.refuse)
        click.echo(banner(title, pool.api_url, data_folder(options), options, pool.contacts, pool.gateway_url))
        await shown_until(pool, title, stop)
    return OK


async def shown_until(pool: Pool, title: str, stop: asyncio.Event) -> None:
    """Show how the pool is until ``stop`` is set. Raises what stopped the pool otherwise."""
    import asyncio

    from shoal.cli.screen import show

    shown = asyncio.create_task(show(pool.service.stats, title), name="progress")
    try:
        await pool.wait(stop)
    finally:
        shown.cancel()
        (outcome,) = await asyncio.gather(shown, return_exceptions=True)
        if isinstance(outcome, Exception):
            # The display must not take the pool down, but its fault must not stay hidden either.
            say(f"the display stopped with {type(outcome).__name__}: {outcome}")


def banner(
    title: str, api_url: str, folder: Path, options: Options, contacts: tuple[str, ...], gateway: str | None = None
) -> str:
    """What is printed once, when everything listens. ``contacts`` hold what a host is asked for and its name."""
    from shoal import __version__
    from shoal.cli.words import first_few
    from shoal.telemetry.redact import printable, redacted

    by_kind: dict[str, list[str]] = {}
    for contact in contacts:
        kind, _, host = contact.partition(" ")
        by_kind.setdefault(kind, []).append(host)
    whom = "; ".join(f"{kind}s at {first_few(hosts)}" for kind, hosts in sorted(by_kind.items()))
    api = api_url.rstrip("/")
    found = f"{whom or 'no source and no judge'}; and every proxy that is listed there"
    if title == "shoal server":
        found = "nobody but the proxies that clients of its gateway use"
    rows = (
        *(_faces(api, gateway) if api else ()),
        ("data", redacted(options.store.url) if options.store.url else str(folder)),
        ("contacts", f"{title} contacts {found}"),
    )
    return f"Shoal {__version__}\n" + "\n".join(f"  {label:<9} {printable(text)}" for label, text in rows)


def _faces(api: str, gateway: str | None) -> tuple[tuple[str, str], ...]:
    listens = f"{gateway}  (HTTP, CONNECT, SOCKS4, SOCKS5)" if gateway else "not listening"
    return ("API", api), ("gateway", listens), ("try it", f"curl {api}/get/")
