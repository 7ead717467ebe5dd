"""``shoal list`` and ``shoal get``: from the running pool, or from what it remembered."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, OK, say
from shoal.cli.filters import Pairs, filters
from shoal.cli.flags import reading

if TYPE_CHECKING:
    from rich.table import Table

    from shoal.options import Options

_CREDENTIALS = click.option("--credentials", is_flag=True, help="Show the passwords of proxies that need one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON objects, one a line.")
_WHERE = "It asks the pool that runs at --api; when none does, it reads what the pool remembered in its data folder."


@click.command("list", epilog=_WHERE)
@filters(many=True)
@_CREDENTIALS
@_JSON
@reading
def list_command(options: Options, wanted: Pairs, credentials: bool, as_json: bool) -> int:
    """List the proxies that can be handed out now: a table on a terminal, one URL a line otherwise.

    A LIST is separated by commas; `!` before a word means not: `--country '!CN,!RU'`.
    """
    if not any(name == "limit" for name, _ in wanted):
        wanted = (*wanted, ("limit", str(options.api.limit)))
    rows = _asked(options, "/v1/proxies", wanted, credentials)
    for row in rows if as_json or not sys.stdout.isatty() else ():
        sys.stdout.write((json.dumps(row) if as_json else _url(row)) + "\n")
    if rows and not as_json and sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(table_of(rows))
    if not rows:
        say("no proxy fits; `shoal list --min-forecast 0 --max-age 30d --honesty any` shows all that ever worked")
        return NOTHING_FOUND
    return OK


@click.command("get", epilog=_WHERE)
@filters(many=False)
@_CREDENTIALS
@_JSON
@reading
def get_command(options: Options, wanted: Pairs, credentials: bool, as_json: bool) -> int:
    """Print one proxy that is likely to work now. Exit code 1 when none fits.

    A LIST is separated by commas; `!` before a word means not: `--scheme socks5,http --country '!CN'`.
    """
    (row,) = _asked(options, "/v1/proxies/pick", wanted, credentials)
    sys.stdout.write((json.dumps(row) if as_json else _url(row)) + "\n")
    return OK


def _asked(options: Options, path: str, wanted: Pairs, credentials: bool) -> list[dict[str, Any]]:
    from shoal.cli.running_pool import ask
    from shoal.policy.query_text import parse_query

    # Understood here first, so that a slip is told whether or not a pool runs.
    query = parse_query(wanted)
    answer = ask(options, path, wanted, credentials=credentials)
    if answer is None:
        import asyncio

        return asyncio.run(_remembered(options, query, path.endswith("/pick"), credentials))
    return answer if isinstance(answer, list) else [answer]


async def _remembered(options: Options, query: Any, one: bool, credentials: bool) -> list[dict[str, Any]]:
    import msgspec

    from shoal.api.views import proxy_view
    from shoal.app import open_reader
    from shoal.config import data_folder
    from shoal.errors import NoProxyError, StoreError

    folder = data_folder(options)
    if not options.store.url and not (folder / "shoal.db").exists():
        raise StoreError(f"no pool runs at {options.api.listen} and {folder} holds none; start one with `shoal up`")
    async with open_reader(options) as service:
        pick = service.pick(query) if one else None
        if one and pick is None:
            raise NoProxyError(f"no pool runs at {options.api.listen}, and none of the remembered proxies fits")
        picks = [pick] if pick is not None else service.list(query)
        return [msgspec.to_builtins(proxy_view(found, credentials=credentials)) for found in picks]


def _url(row: dict[str, Any]) -> str:
    from shoal.telemetry.redact import printable

    return printable(str(row["proxy"]))


def table_of(rows: list[dict[str, Any]]) -> Table:
    """The table for people."""
    from rich.table import Table
    from rich.text import Text

    from shoal.telemetry.redact import printable

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, right in (
        ("proxy", False),
        ("can", False),
        ("anonymity", False),
        ("honesty", False),
        ("country", False),
        ("latency", True),
        ("forecast", True),
    ):
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=name == "proxy")
    for row in rows:
        latency = row.get("latency_ms")
        cells = (
            row["proxy"],
            " ".join(row["capabilities"]),
            row["anonymity"],
            row["honesty"],
            row.get("country") or "",
            f"{latency:.0f} ms" if latency else "",
            f"{row['forecast']['probability']:.2f}",
        )
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    return table
