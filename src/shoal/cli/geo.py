"""``shoal geo``: the databases that tell country and network of an exit."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import OK, say
from shoal.cli.flags import reading
from shoal.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from shoal.options import Options


@click.group(cls=LazyGroup, places={"update": "shoal.cli.geo:update_command"})
def geo() -> None:
    """Country and network of exits, from databases on this machine."""


@click.command("update")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@reading
def update_command(options: Options, as_json: bool) -> int:
    """Fetch this month's free databases of DB-IP into the data folder.

    It contacts download.db-ip.com, and nobody else ever asks there. A running pool reads them at its next start. Files
    of your own are named by geo.country and geo.asn.
    """
    import asyncio
    import datetime

    from shoal.config import data_folder
    from shoal.geo.update import ATTRIBUTION, URLS, update

    today = datetime.datetime.now(datetime.UTC).date()
    files = asyncio.run(update(data_folder(options), today, URLS))
    if as_json:
        sys.stdout.write(json.dumps({"files": [str(file) for file in files], "attribution": ATTRIBUTION}) + "\n")
    else:
        for file in files:
            click.echo(file)
        say(ATTRIBUTION)
    return OK
