"""``shoal sources``: which lists there are, what each yields, and which are read."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, NOTHING_REACHABLE, OK, say
from shoal.cli.flags import configured, importing, reading
from shoal.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from shoal.domain.source import ListedSource, SourceCredit
    from shoal.options import Options

_PLACES: Final = {
    "list": "shoal.cli.sources:list_command",
    "test": "shoal.cli.sources:test",
    "add": "shoal.cli.source_edits:add",
    "enable": "shoal.cli.source_edits:enable",
    "disable": "shoal.cli.source_edits:disable",
    "credit": "shoal.cli.sources:credit",
}
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON objects, one a line.")


@click.group(cls=LazyGroup, places=_PLACES)
def sources() -> None:
    """The lists that candidates come from: yours, and the built-in catalogue of public ones."""


@click.command("list")
@click.option("--on", "only_on", is_flag=True, help="Only those that are read.")
@_JSON
@importing
def list_command(options: Options, only_on: bool, as_json: bool) -> int:
    """Show every source: yours first, then the catalogue. No source is contacted.

    Those that were added or switched while the pool ran are read from its data folder, or from its store.
    """
    import asyncio

    from shoal.app import sources_of
    from shoal.errors import StoreError
    from shoal.sources.listing import list_sources

    try:
        every = asyncio.run(sources_of(options))
    except StoreError as error:
        say(f"what was added while the pool ran cannot be shown: {error}")
        every = list_sources(options.sources)
    rows = [row for row in every if row.enabled or not only_on]
    if as_json:
        import msgspec

        _print_lines(msgspec.to_builtins(row) for row in rows)
    else:
        _print_table(_listing(rows))
        on = sum(row.enabled for row in rows)
        say(f"{on} of {len(rows)} are read; `shoal sources test NAME` shows what one yields")
    return OK


@click.command()
@click.argument("name")
@click.option(
    "--first", metavar="N", type=click.IntRange(0, 1000), default=10, show_default=True, help="Entries shown."
)
@click.option(
    "--wait", metavar="SECONDS", type=click.FloatRange(0, 3600, min_open=True), default=60.0, show_default=True,
    help="How long one source may take.",
)  # fmt: skip
@_JSON
@configured
def test(options: Options, name: str, first: int, wait: float, as_json: bool) -> int:
    """Read a source once and show what it yields; nothing is kept and no proxy is contacted.

    NAME is a name of `shoal sources list`, a pattern (`'spys-*'`), proxy_pool's name of a site, or a URL, file, folder
    or python:module:function that is not in the settings yet. Exit code 1 when nothing was found, 4 when it could not
    be read.
    """
    import asyncio

    from shoal.app import try_all

    trials = asyncio.run(try_all(options, name, first=first, timeout=wait))
    if as_json:
        import msgspec

        _print_lines(msgspec.to_builtins(trial) for trial in trials)
    else:
        from shoal.sources.told import told
        from shoal.telemetry.redact import printable

        for trial in trials:
            click.echo("\n".join(printable(line, 400) for line in told(trial)))
    if any(trial.found for trial in trials):
        return OK
    return NOTHING_REACHABLE if all(trial.error for trial in trials) else NOTHING_FOUND


@click.command()
@_JSON
@reading
def credit(options: Options, as_json: bool) -> int:
    """Show what each source was worth: of its entries, how many worked, how many work, how many only it has.

    It reads what the pool remembers in its data folder, also while the pool runs.
    """
    import asyncio

    from shoal.app import credits_of

    rows = asyncio.run(credits_of(options))
    if as_json:
        import msgspec

        _print_lines(msgspec.to_builtins(row) | {"share": row.share} for row in rows)
    else:
        _print_table(_worth(rows))
    return OK if rows else NOTHING_FOUND


def _listing(rows: Iterable[ListedSource]) -> Table:
    table = _table(("source", False), ("on", False), ("kind", False), ("reads", False), ("scheme", False),
                   ("every", True), ("note", False))  # fmt: skip
    from shoal.cli.words import span

    for row in rows:
        every = span(row.interval) if row.interval else ""
        _add(table, row.name, "on" if row.enabled else "off", row.kind, row.place,
             row.scheme.value if row.scheme else "", every, row.note)  # fmt: skip
    return table


def _worth(rows: Iterable[SourceCredit]) -> Table:
    from shoal.cli.words import span

    table = _table(("source", False), ("listed", True), ("ever worked", True), ("work now", True), ("share", True),
                   ("only here", True), ("found after", True))  # fmt: skip
    for row in rows:
        share = "" if row.share is None else f"{row.share:.1%}"
        lag = "" if row.lag is None else span(row.lag)
        _add(table, row.name, f"{row.listed:,}", f"{row.worked:,}", f"{row.working:,}", share, f"{row.only:,}", lag)
    return table


def _table(*columns: tuple[str, bool]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    from rich.text import Text

    from shoal.telemetry.redact import printable, redacted

    table.add_row(*(Text(printable(redacted(cell), 200)) for cell in cells))


def _print_table(table: Table) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(table)


def _print_lines(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()
