"""``shoal geo``: databases that tell the country and network of exits."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, OK, say
from shoal.cli.flags import placed
from shoal.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from shoal.options import Options

_PLACES: Final = {"update": "shoal.cli.geo:update_command", "status": "shoal.cli.geo:status"}
_OLD: Final = 90 * 86_400.0
"""Seconds: networks move between countries by a few in a hundred a quarter."""


@click.group(cls=LazyGroup, places=_PLACES)
def geo() -> None:
    """Country and network of exits: DB-IP's free databases, or MMDB files that the settings name."""


@click.command("update")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@placed
def update_command(options: Options, as_json: bool) -> int:
    """Fetch DB-IP's free databases of this month into the data folder, or last month's while this month's are not out.

    It contacts download.db-ip.com, or what geo.country_url and geo.asn_url name. A file is replaced only by one that
    can be read. A running pool uses the new ones after its next start. IP geolocation by DB-IP (https://db-ip.com),
    licensed under CC BY 4.0.
    """
    import asyncio
    import datetime

    from shoal.config import data_folder
    from shoal.geo.databases import ASN_FILE, COUNTRY_FILE
    from shoal.geo.update import ATTRIBUTION, update

    urls = ((COUNTRY_FILE, options.geo.country_url), (ASN_FILE, options.geo.asn_url))
    today = datetime.datetime.now(datetime.UTC).date()
    paths = asyncio.run(update(data_folder(options) / "geo", today, urls))
    if as_json:
        sys.stdout.write(json.dumps({"files": [str(path) for path in paths], "attribution": ATTRIBUTION}) + "\n")
    else:
        for path in paths:
            click.echo(str(path))
        say(ATTRIBUTION)
    named = [name for name in ("country", "asn") if getattr(options.geo, name)]
    if named:
        say(f"the settings name other files ({', '.join(f'geo.{name}' for name in named)}), which are used instead")
    return OK


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON objects, one a line.")
@placed
def status(options: Options, as_json: bool) -> int:
    """Show which databases are used, of which month, and whose they are. Nothing is contacted.

    Exit code 1 when there is none.
    """
    import time

    import msgspec

    from shoal.config import data_folder
    from shoal.geo.databases import databases

    found = databases(options.geo.country, options.geo.asn, data_folder(options) / "geo")
    for one in found:
        if as_json:
            sys.stdout.write(json.dumps(msgspec.to_builtins(one)) + "\n")
        elif one.error is not None:
            click.echo(f"{one.holds}: {one.error}")
        else:
            click.echo(f"{one.holds}: {_described(one.kind, one.built_at, one.path, time.time())}")
    if not found:
        say("no database: exits have the country that judges and sources tell; `shoal geo update` fetches free ones")
    return OK if any(one.error is None for one in found) else NOTHING_FOUND


def _described(kind: str, built_at: float, path: str, now: float) -> str:
    from datetime import UTC, datetime

    from shoal.geo.update import ATTRIBUTION
    from shoal.telemetry.redact import printable

    month = datetime.fromtimestamp(built_at, UTC).strftime("%Y-%m")
    words = f"{kind} of {month} ({path})"
    if now - built_at > _OLD:
        words += "; it is old: `shoal geo update` fetches a new one"
    if kind.upper().startswith("DBIP"):
        words += f"; {ATTRIBUTION}"
    return printable(words, 600)
