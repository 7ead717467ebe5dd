"""Makes a country database (MMDB) of the tables that Tor ships: `country_database.py FOLDER OUT`.

The tables (`geoip`, `geoip6`) are IPFire's location database, CC BY-SA 4.0; so is what is made of them.
"""

from __future__ import annotations

import ipaddress
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SOURCE = "IPFire location database by way of Tor, CC BY-SA 4.0"


def ranges(folder: Path) -> Iterator[tuple[int, int, str]]:
    """First and last address of each range as 128-bit numbers (IPv4 in the lowest 32 bits), and its country."""
    for name in ("geoip", "geoip6"):
        for line in (folder / name).read_text("ascii").splitlines():
            if line.startswith("#") or not line:
                continue
            first, last, country = line.split(",")
            if len(country) != 2 or not country.isalpha():
                continue
            if name == "geoip":
                yield int(first), int(last), country
            else:
                yield int(ipaddress.IPv6Address(first)), int(ipaddress.IPv6Address(last)), country


def blocks(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Whole networks that cover a range: address and length of the prefix in 128 bits."""
    while first <= last:
        size = min((first & -first).bit_length() - 1 if first else 128, (last - first + 1).bit_length() - 1)
        yield first, 128 - size
        first += 1 << size


def make(folder: Path, built_at: int) -> bytes:
    nodes: list[list[int | None]] = [[None, None]]
    data = bytearray()
    offsets: dict[str, int] = {}
    leaves: list[tuple[int, int, str]] = []
    for first, last, country in ranges(folder):
        if country not in offsets:
            offsets[country] = len(data)
            data += encode({"country": {"iso_code": country}})
        for address, length in blocks(first, last):
            node = 0
            for depth in range(length - 1):
                side = address >> (127 - depth) & 1
                following = nodes[node][side]
                if following is None:
                    following = nodes[node][side] = len(nodes)
                    nodes.append([None, None])
                node = following
            leaves.append((node, address >> (128 - length) & 1, country))
    count = len(nodes)
    for node, side, country in leaves:
        nodes[node][side] = count + 16 + offsets[country]
    tree = b"".join((count if record is None else record).to_bytes(4, "big") for node in nodes for record in node)
    metadata = {
        "node_count": count, "record_size": (2, 32), "ip_version": (2, 6), "database_type": "Shoal-Country",
        "languages": [], "binary_format_major_version": (2, 2), "binary_format_minor_version": (2, 0),
        "build_epoch": (8, built_at), "description": {"en": _SOURCE},
    }  # fmt: skip
    return tree + bytes(16) + bytes(data) + b"\xab\xcd\xefMaxMind.com" + encode(metadata)


def encode(value: Any) -> bytes:
    """A value in the MaxMind DB format 2.0: maps, lists, texts of fewer than 285 bytes and whole numbers."""
    if isinstance(value, dict):
        return bytes([7 << 5 | len(value)]) + b"".join(encode(key) + encode(item) for key, item in value.items())
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(encode, value))
    if isinstance(value, str):
        text = value.encode()
        return (bytes([2 << 5 | len(text)]) if len(text) < 29 else bytes([2 << 5 | 29, len(text) - 29])) + text
    width, number = value if isinstance(value, tuple) else (4, value)
    head = {2: [5 << 5 | 2], 4: [6 << 5 | 4], 8: [8, 9 - 7]}[width]
    return bytes(head) + int(number).to_bytes(width, "big")


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    built_at = int((folder / "geoip").stat().st_mtime)
    out.write_bytes(make(folder, built_at))
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, data of {time.strftime('%Y-%m-%d', time.gmtime(built_at))}")


if __name__ == "__main__":
    main()
