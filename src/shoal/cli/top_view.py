"""The screen of `shoal top`: one look at a pool, laid out for the width there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from shoal.cli.words import counted, failure_words, span, top

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

WIDE: Final = 120
"""Columns from which on a third column fits."""
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_GOOD, _FAIR = 0.9, 0.6


class Look(Struct):
    """What is known at one moment. ``stats`` as /v1/stats gives it."""

    base: str
    stats: Mapping[str, Any]
    rates: Mapping[str, float]
    working: Sequence[float] = ()
    """Working proxies minute by minute, the newest last."""
    checks: Sequence[float] = ()
    """Checks a second, look by look."""
    events: Sequence[tuple[str, Mapping[str, Any]]] = ()
    silent: float = 0.0
    """Seconds since the pool answered last, 0 while it does."""
    way_out: str = ""
    """The key that ends it, where it goes on."""


def screen(look: Look, width: int) -> RenderableType:
    """Everything, for a terminal of so many columns."""
    from rich.console import Group
    from rich.table import Table

    parts: list[RenderableType] = [_head(look, width)]
    problems = list(look.stats.get("problems", ()))
    if look.silent:
        problems.insert(0, f"the pool does not answer any more, for {span(look.silent)}; what stands here is old")
    if problems:
        parts.append(_panel("problems", [("", _text(problem, "bold yellow")) for problem in problems], "yellow"))
    columns = [
        [_panel("pool", _pool(look)), _panel("use", _use(look))],
        [_panel("checks", _checks(look)), _panel("stands on", _ground(look))],
    ]
    events = _panel("events", _events(look, 4 if width < WIDE else 17))
    if not look.way_out:
        # One look sees no events.
        pass
    elif width >= WIDE:
        columns.append([events])
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    for _ in columns:
        grid.add_column(ratio=1)
    grid.add_row(*(Group(*column) for column in columns))
    parts.append(grid)
    if look.way_out and width < WIDE:
        parts.append(events)
    return Group(*parts)


def _head(look: Look, width: int) -> RenderableType:
    from rich.table import Table

    stats = look.stats
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True)
    line.add_column(justify="right", style="dim", no_wrap=True)
    name = _text(f"Shoal {stats.get('version', '')}", "bold")
    name.append(f"  {look.base}", "cyan")
    running = f"up {span(float(stats.get('uptime') or 0))}"
    line.add_row(name, running + (f"   {look.way_out} quits" if look.way_out else ""))
    return line


def _pool(look: Look) -> list[tuple[str, Text]]:
    stats = look.stats
    working = _text(f"{stats.get('working', 0):,}", "bold green" if stats.get("working") else "bold red")
    working.append("  " + spark(look.working, 18), "green")
    return [
        ("working", working),
        ("expected", _text(f"{float(stats.get('expected') or 0):,.0f} if all were used now")),
        ("known", _text(f"{stats.get('known', 0):,}, never checked {stats.get('unchecked', 0):,}")),
        ("scheme", _text(_counts(stats.get("by_scheme")))),
        ("anonymity", _text(_counts(stats.get("by_anonymity")))),
        ("honesty", _text(_counts(stats.get("by_honesty")))),
        ("country", _text(_counts(stats.get("by_country")))),
    ]


def _checks(look: Look) -> list[tuple[str, Text]]:
    stats = look.stats
    total, worked = stats.get("checked_total", 0), stats.get("worked_total", 0)
    rate = _text(f"{float(stats.get('checks_per_second') or 0):,.0f}/s", "bold")
    rate.append("  " + spark(look.checks, 18), "cyan")
    rows = [
        ("pace", rate),
        ("now", _text(f"{stats.get('in_check', 0):,} in flight, {stats.get('due', 0):,} due")),
        ("finished", _text(f"{total:,}" + (f", {worked / total:.1%} work" if total else ""))),
    ]
    failures = top(stats.get("failures") or {}, 4)
    most = max((count for _, count in failures), default=1)
    for number in range(4):
        if number < len(failures):
            kind, count = failures[number]
            bar = _text("▇" * max(1, round(6 * count / most)), "red")
            bar.append(f" {count:,} {failure_words(kind)}", "default")
        else:
            bar = _text("")
        rows.append(("failures" if number == 0 else "", bar))
    return rows


def _use(look: Look) -> list[tuple[str, Text]]:
    stats, rates = look.stats, look.rates
    rows = [
        ("picks", _share(f"{rates.get('picks', 0):,.1f}/s", stats.get("pick_success"), "find one")),
        ("uses", _share(f"{rates.get('uses', 0):,.1f}/s", stats.get("use_success"), "go well")),
    ]
    gateway = stats.get("gateway")
    if not isinstance(gateway, Mapping):
        return [*rows, ("gateway", _text("not listening", "dim")), ("traffic", _text("-", "dim"))]
    asked = f"{rates.get('requests', 0):,.1f} requests/s, {gateway.get('connections', 0):,} open"
    moved = f"{size(rates.get('bytes_down', 0))}/s down, {size(rates.get('bytes_up', 0))}/s up"
    return [*rows, ("gateway", _text(asked)), ("traffic", _text(moved))]


def _ground(look: Look) -> list[tuple[str, Text]]:
    stats = look.stats
    reachable, sources = stats.get("sources_ok", 0), stats.get("sources_total", 0)
    rows = [("sources", _text(f"{reachable} of {sources} reachable", "yellow" if reachable < sources / 2 else ""))]
    judges = list(stats.get("judges") or ())
    for number, judge in enumerate(judges[:2]):
        mark = _text("● ", "green" if judge.get("ok") else "red")
        latency = f"{float(judge.get('latency_ms') or 0):.0f} ms  " if judge.get("ok") else ""
        mark.append(f"{latency}{judge.get('url', '')}", "default")
        rows.append(("judges" if number == 0 else "", mark))
    if not judges:
        rows.append(("judges", _text("none asked here", "dim")))
    elif len(judges) > 2:
        answer = sum(bool(judge.get("ok")) for judge in judges)
        rows.append(("", _text(f"{answer} of {len(judges)} answer", "dim")))
    error = stats.get("store_error")
    rows.append(("store", _text(str(error), "bold red") if error else _text("answers")))
    return rows


def _events(look: Look, limit: int) -> list[tuple[str, Text]]:
    told = [words for kind, data in look.events if (words := event_words(kind, data))]
    newest = [("", _text(words)) for words in reversed(told[-limit:])]
    return newest or [("", _text("nothing has happened since you look", "dim"))]


def event_words(kind: str, data: Mapping[str, Any]) -> str:
    """One line for one event; "" for what is shown elsewhere."""
    at = str(data.get("at", ""))[11:19]
    name = data.get("name", "")
    match kind:
        case "problems":
            found = data.get("problems") or ()
            words = "; ".join(map(str, found)) if found else "all is well again"
        case "source" if data.get("error"):
            words = f"{name}: {data['error']}"
        case "source":
            words = f"{name}: {data.get('found', 0):,} listed, {data.get('new', 0):,} new"
        case "imported":
            new, known, refused = (data.get(key, 0) for key in ("new", "known", "refused"))
            words = f"imported: {new:,} new, {known:,} known, {refused:,} refused"
        case "deleted":
            words = f"deleted: {data.get('records', 0):,}"
        case "tagged":
            signs = [*(f"+{tag}" for tag in data.get("added", ())), *(f"-{tag}" for tag in data.get("removed", ()))]
            words = f"tagged: {data.get('records', 0):,} {' '.join(signs)}"
        case "source_paused" | "source_resumed":
            words = f"{name}: {'paused' if kind.endswith('paused') else 'goes on'}"
        case _:
            words = kind.replace("_", " ") + (f": {name}" if name else "")
    return f"{at} {words}"


def spark(values: Sequence[float], width: int) -> str:
    """The newest values as a line of blocks, from 0 to the largest."""
    shown = list(values)[-width:]
    most = max(shown, default=0.0)
    if most <= 0.0:
        return ""
    return "".join(_BLOCKS[min(7, int(value / most * 7.999))] for value in shown)


def size(count: float) -> str:
    """``12.3 kB``: decimal units, as networks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000.0 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000.0
    raise AssertionError


def _share(rate: str, share: float | None, words: str) -> Text:
    """``share`` is that of the last ten minutes."""
    text = _text(rate)
    if share is not None:
        style = "green" if share >= _GOOD else "yellow" if share >= _FAIR else "bold red"
        text.append(f"  {share:.1%} {words}", style)
    return text


def _counts(counts: Any) -> str:
    return counted(top(counts, 4)) if counts else "-"


def _text(words: str, style: str = "") -> Text:
    """Strangers' words enter as plain text: no markup, no control characters."""
    from rich.text import Text

    from shoal.telemetry.redact import printable

    return Text(printable(words), style=style, no_wrap=True, overflow="ellipsis")


def _panel(title: str, rows: Iterable[tuple[str, Text]], border: str = "dim") -> Panel:
    from rich.panel import Panel

    return Panel(_rows(list(rows)), title=title, title_align="left", border_style=border, padding=(0, 1))


def _rows(rows: list[tuple[str, Text]]) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    if any(label for label, _ in rows):
        table.add_column(style="dim", no_wrap=True, width=9)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for label, text in rows:
        table.add_row(*((label, text) if len(table.columns) == 2 else (text,)))
    return table
