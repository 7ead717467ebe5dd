"""Where a running pool is shown: a live panel on a terminal, log lines otherwise; both on standard error."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from shoal.cli.exits import say
from shoal.cli.progress import Changes, rows

if TYPE_CHECKING:
    from rich.panel import Panel

    from shoal.domain.stats import Stats

_INTERVAL: Final = 0.5


def announce(text: str) -> None:
    """Something that a user should know: a line above the panel, or a line of the log."""
    if sys.stderr.isatty():
        say(text)
    else:
        from shoal.log import Log

        Log("shoal").warning(text)


async def show(stats: Callable[[], Stats], title: str) -> None:
    """Show until cancelled."""
    if sys.stderr.isatty():
        await _show_panel(stats, title)
    else:
        await _show_lines(stats)


async def _show_lines(stats: Callable[[], Stats]) -> None:
    from shoal.log import Log

    log = Log("shoal")
    changes, loop = Changes(), asyncio.get_running_loop()
    while True:
        for level, event, values in changes.lines(stats(), loop.time()):
            getattr(log, level)(event, **values)
        await asyncio.sleep(_INTERVAL)


async def _show_panel(stats: Callable[[], Stats], title: str) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=sys.stderr, highlight=False)
    # What is logged meanwhile appears above the panel.
    with Live(panel(stats(), title), console=console, auto_refresh=False, redirect_stdout=sys.stdout.isatty()) as live:
        while True:
            live.update(panel(stats(), title), refresh=True)
            await asyncio.sleep(_INTERVAL)


def panel(stats: Stats, title: str) -> Panel:
    """The panel for one snapshot. Texts of strangers (judge errors) enter as plain text, never as markup."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from shoal.telemetry.redact import printable

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows(stats):
        style = "bold yellow" if label == "problem" else "bold green" if label == "working" and stats.working else ""
        grid.add_row(label, Text(printable(text), style=style))
    return Panel(grid, title=Text(title), title_align="left", border_style="dim", expand=False)
