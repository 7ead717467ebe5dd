"""What was changed on the way, in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

SHOWN: Final = 48
"""Bytes of each side that are shown: enough to know an injected script by its address."""


def short_diff(sent: bytes, came: bytes) -> str:
    """The first difference: where it is, what stood there and what came instead. Printable ASCII, bounded.

    >>> short_diff(b"<p>one</p>", b"<p>two</p>")
    "at byte 3 'one' became 'two'"
    """
    if sent == came:
        return "nothing"
    start = _common(sent, came)
    limit = min(len(sent), len(came)) - start
    end = _common(sent[: start - 1 if start else None : -1][:limit], came[: start - 1 if start else None : -1][:limit])
    old, new = sent[start : len(sent) - end], came[start : len(came) - end]
    return f"at byte {start} {_shown(old)} became {_shown(new)}"


class EchoContent(Struct, frozen=True, gc=False):
    """An echo beside what was sent. ``changed`` says what came otherwise than it left; ``complete``: all of it came."""

    changed: str | None
    complete: bool


FAITHFUL_FIELDS: Final = ("User-Agent", "Accept")
"""Request fields that no proxy has a reason to touch. Host, Connection and Accept-Encoding are a hop's own affair."""

_MARKUP: Final = (b"<script", b"<iframe", b"<object", b"<embed")
"""What is put into pages (literature 4.2, malicious class)."""


def compare_echo(
    sent: Mapping[str, str], seen: Iterable[tuple[str, str]], kept: Iterable[str], body: bytes, plain: bytes
) -> EchoContent:
    """A foreign judge's echo, compared part by part with the request that it answers.

    ``kept`` are those of ``FAITHFUL_FIELDS`` that reach this judge unchanged without a proxy, ``plain`` is its answer
    to a direct request, ``body`` the one that came through the proxy.
    """
    fields = {name.lower(): value for name, value in seen}
    complete = False
    for name in kept:
        complete = True
        came = fields.get(name.lower())
        if came is None:
            return EchoContent(None, False)
        if came != sent[name]:
            return EchoContent(f"{name}: {short_diff(sent[name].encode(), came.encode())}", True)
    lower, usual = body.lower(), plain.lower()
    for mark in _MARKUP:
        if lower.count(mark) > usual.count(mark):
            at = lower.rfind(mark)
            return EchoContent(f"{_shown(body[at : at + SHOWN])} was put into the answer", True)
    return EchoContent(None, complete)


def _common(one: bytes, other: bytes) -> int:
    """Length of the common beginning, by halving: slices compare at the speed of memory."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _shown(data: bytes) -> str:
    if not data:
        return "nothing"
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data[:SHOWN])
    return f"'{text}'" if len(data) <= SHOWN else f"'{text}' and {len(data) - SHOWN} bytes more"
