"""``shoal fetch``: what the lists hold right now, unchecked."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, NOTHING_REACHABLE, OK, say
from shoal.cli.flags import running

if TYPE_CHECKING:
    import asyncio

    from rich.table import Table

    from shoal.domain import Candidate
    from shoal.options import Options
    from shoal.ports.source import Harvest, SourceError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON objects, one a line.")
@running
def fetch(options: Options, as_json: bool) -> int:
    """Read all sources once and print the proxies they list, unchecked; nothing is kept.

    A table on standard error says what each source brought. Exit code 1 when none was found, 4 when no source could be
    reached.
    """
    from shoal.cli.running import run_until_interrupted

    return run_until_interrupted(lambda stop: _fetch(options, as_json, stop))


async def _fetch(options: Options, as_json: bool, _stop: asyncio.Event) -> int:
    from shoal.app import fetch_all

    outcomes: dict[str, Harvest | SourceError] = {}
    candidates = await fetch_all(options, outcomes.__setitem__)
    for candidate in candidates:
        sys.stdout.write((json.dumps(row_of(candidate)) if as_json else url_of(candidate)) + "\n")
    sys.stdout.flush()
    _print_table(table_of(outcomes))
    if candidates:
        return OK
    if outcomes and all(getattr(outcome, "network", False) for outcome in outcomes.values()):
        say(f"0 of {len(outcomes)} sources reachable: check this machine's network, or try `shoal demo`")
        return NOTHING_REACHABLE
    say("the sources hold no proxy")
    return NOTHING_FOUND


def url_of(candidate: Candidate) -> str:
    """As a URL where the list says how to speak to it, else ``host:port``."""
    from shoal.domain import proxy_url

    if candidate.scheme is None:
        user = f"{candidate.credentials.userinfo}@" if candidate.credentials else ""
        return f"{user}{candidate.endpoint}"
    return proxy_url(candidate.scheme, candidate.endpoint, candidate.credentials, secrets=True)


def row_of(candidate: Candidate) -> dict[str, object]:
    """One line of ``--json``."""
    return {
        "proxy": url_of(candidate),
        "scheme": candidate.scheme.value if candidate.scheme else None,
        "host": candidate.endpoint.host,
        "port": candidate.endpoint.port,
        "country": candidate.country,
    }


def table_of(outcomes: dict[str, Harvest | SourceError]) -> Table:
    """One row a source: found, refused and why, or what went wrong."""
    from rich.table import Table
    from rich.text import Text

    from shoal.cli.words import counted, refusal_words, top
    from shoal.telemetry.redact import printable, redacted

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("source", overflow="fold")
    table.add_column("found", justify="right")
    table.add_column("refused or trouble", overflow="fold")
    for name, outcome in sorted(outcomes.items()):
        if isinstance(outcome, Exception):
            found, note = "-", printable(redacted(str(outcome)), 200)
        else:
            found = f"{len(outcome.candidates):,}"
            note = counted((refusal_words(reason), count) for reason, count in top(outcome.refused, 4))
        table.add_row(Text(printable(redacted(name), 200)), found, Text(note))
    return table


def _print_table(table: Table) -> None:
    from rich.console import Console

    console = Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(table)
