"""The filter flags of ``list`` and ``get``: the same names and words as the API's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import rich_click as click

_PICK: Final = (
    ("scheme", "LIST", "How to speak to it: http, https, socks4, socks4a, socks5."),
    ("capability", "LIST", "What it must do: forward, tunnel, tunnel_any_port, keep_alive, remote_dns, ipv6_exit."),
    ("country", "LIST", "Where it comes out: two-letter codes."),
    ("asn", "LIST", "Autonomous system of the exit."),
    ("anonymity", "LIST", "transparent, anonymous, elite."),
    ("honesty", "LIST", "unknown, clean; tampers, intercepts and fakes are left out unless named; any takes all."),
    ("source", "LIST", "Which list it came from."),
    ("tag", "LIST", "Tags that its source gave it."),
    ("trust", "LIST", "own, public."),
    ("target", "HOST[:PORT]", "What you want to reach."),
    ("vantage", "NAME", "Only what a cluster's workers saw from there, with the forecast as seen from there."),
    ("max_latency_ms", "MS", "Slower ones are left out."),
    ("min_forecast", "P", "Least probability (0 to 1) that it works now."),
    ("max_age", "AGE", "How long ago it may have worked last: 90, 30s, 5m, 2h, 1d."),
    ("exclude", "LIST", "Ids, HOST:PORT or hosts that are not wanted."),
)
_LIST: Final = (
    *_PICK,
    ("limit", "N", "At most so many."),
    ("order", "ORDER", "forecast, latency, last_check, first_seen."),
)

Pairs = tuple[tuple[str, str], ...]


def filters(*, many: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the filter flags; the command gets those given as ``wanted``: pairs of name and value.

    A list is separated by commas or the flag repeated, ``!`` before a word means 'not'.
    """
    table = _LIST if many else _PICK

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapped(**given: Any) -> Any:
            wanted = tuple((name, value) for name, _, _ in table for value in given.pop(f"filter_{name}"))
            return command(wanted=wanted, **given)

        flagged: Callable[..., Any] = wrapped
        for name, metavar, text in reversed(table):
            flag = f"--{name.replace('_', '-')}"
            flagged = click.option(flag, f"filter_{name}", metavar=metavar, multiple=True, help=text)(flagged)
        return flagged

    return add
