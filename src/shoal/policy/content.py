"""What was changed on the way, in few words."""

from __future__ import annotations

from typing import Final

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
