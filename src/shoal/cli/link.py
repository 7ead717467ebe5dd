"""``shoal link``: short links of the pool that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, NOTHING_REACHABLE, OK, say
from shoal.cli.flags import reading

if TYPE_CHECKING:
    from rich.table import Table

    from shoal.options import Options

_NOTE: Final = "Links are kept by the pool that runs at --api: `shoal up` must be running."


class _NothingRunsError(Exception):
    pass


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    from shoal.policy.query_text import parse_age

    if value is None:
        return None
    try:
        seconds = parse_age(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no span of time; write 90, 30s, 5m, 2h or 7d") from None
    if seconds <= 0:
        raise click.BadParameter("a link must last for a while")
    return seconds


@click.command(epilog=_NOTE)
@click.argument("url", required=False)
@click.option("--alias", metavar="NAME", help="The code, instead of seven characters that are drawn.")
@click.option("--expires", metavar="SPAN", callback=_seconds, help="How long it lasts: 90, 30s, 5m, 2h or 7d.")
@click.option("--clicks", metavar="N", type=click.IntRange(1), help="How often it may be followed.")
@click.option("--permanent", is_flag=True, help="Redirect with 301 instead of 302.")
@click.option("--preview", is_flag=True, help="Show a page that says where it leads, instead of a redirect.")
@click.option("--new", "fresh", is_flag=True, help="A link of its own, even where one to the same URL stands.")
@click.option("--query", metavar="FILTERS", help="A link to what a query finds: 'country=US&format=clash&limit=50'.")
@click.option("--list", "as_list", is_flag=True, help="Show all links.")
@click.option("--delete", metavar="CODE", multiple=True, help="Delete a link, by its code or its short URL.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON objects, one a line.")
@reading
def link(
    options: Options,
    url: str | None,
    alias: str | None,
    expires: float | None,
    clicks: int | None,
    permanent: bool,
    preview: bool,
    fresh: bool,
    query: str | None,
    as_list: bool,
    delete: tuple[str, ...],
    as_json: bool,
) -> int:
    """Make a short link to URL and print it; the same URL gives the same link.

    An address without scheme is https: `shoal link www.example.com/p/233.html`.
    """
    if sum((url is not None, query is not None, as_list, bool(delete))) != 1:
        raise click.UsageError("give a URL, or --query, or --list, or --delete")
    try:
        if as_list:
            return _show_all(options, as_json)
        if delete:
            return _delete(options, delete)
        wish: dict[str, Any] = {"url": url} if query is None else {"query": f"/v1/proxies?{query.lstrip('?')}"}
        wish |= {"alias": alias} if alias is not None else {}
        wish |= {"seconds": expires} if expires is not None else {}
        wish |= {"click_limit": clicks} if clicks is not None else {}
        wish |= {name: True for name, on in (("permanent", permanent), ("preview", preview), ("fresh", fresh)) if on}
        made = _sent(options, "POST", "/v1/links", wish)[0]
    except _NothingRunsError:
        say(f"no pool runs at {options.api.listen}, and links are kept by one; start it with `shoal up`")
        return NOTHING_REACHABLE
    sys.stdout.write((json.dumps(made) if as_json else made["short_url"]) + "\n")
    return OK


def _sent(options: Options, method: str, path: str, body: Any = None) -> Any:
    from shoal.cli.running_pool import send

    answer = send(options, method, path, body)
    if answer is None:
        raise _NothingRunsError
    return answer


def _all(options: Options) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        rows, fields = _sent(options, "GET", f"/v1/links{after}")
        yield from rows
        cursor = fields.get("X-Next-Cursor")
        if not cursor:
            return
        after = f"?cursor={quote(cursor)}"


def _show_all(options: Options, as_json: bool) -> int:
    from shoal.telemetry.redact import printable

    rows = list(_all(options))
    if as_json or not sys.stdout.isatty():
        for row in rows:
            line = json.dumps(row) if as_json else printable(f"{row['short_url']} {row['clicks']} {row['target']}")
            sys.stdout.write(line + "\n")
    elif rows:
        from rich.console import Console

        Console(highlight=False).print(_table(rows))
    if not rows:
        say("there are no links; `shoal link URL` makes one")
    return OK


def _table(rows: list[dict[str, Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from shoal.telemetry.redact import printable

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("link", "clicks", "ends", "leads to"):
        table.add_column(name, justify="right" if name == "clicks" else "left", overflow="fold", no_wrap=name == "link")
    for row in rows:
        limit = f" of {row['click_limit']}" if row["click_limit"] else ""
        leads = row["target"] if row["kind"] == "url" else f"the query {row['target'] or 'of everything'}"
        ends = (row["expires_at"] or "")[:16].replace("T", " ")
        cells = (row["short_url"], f"{row['clicks']}{limit}", ends, leads)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _delete(options: Options, codes: tuple[str, ...]) -> int:
    from shoal.errors import InvalidQueryError, ShoalError

    missing = 0
    for given in codes:
        code = urlsplit(given).path.rpartition("/")[2] if "/" in given else given
        try:
            _sent(options, "DELETE", f"/v1/links/{quote(code, safe='')}")
        except InvalidQueryError:
            raise
        except ShoalError as error:
            if "no such link" not in str(error):
                raise
            say(f"there is no link {given}")
            missing += 1
    return NOTHING_FOUND if missing else OK
