"""Writes small MMDB files, for tests of what reads them (MaxMind DB file format 2.0)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any


def make_mmdb(entries: Mapping[str, Any], kind: str = "Test-Country", built_at: int = 1_790_000_000) -> bytes:
    """A database of IPv4 networks, which may not overlap. Values are maps, texts and whole numbers."""
    nodes: list[list[int | None]] = [[None, None]]
    data = bytearray()
    leaves: list[tuple[int, int, int]] = []
    for text, value in entries.items():
        network = ipaddress.IPv4Network(text)
        bits = int(network.network_address)
        node = 0
        for depth in range(network.prefixlen - 1):
            side = bits >> (31 - depth) & 1
            following = nodes[node][side]
            if following is None:
                following = nodes[node][side] = len(nodes)
                nodes.append([None, None])
            node = following
        leaves.append((node, bits >> (32 - network.prefixlen) & 1, len(data)))
        data += _encode(value)
    size = len(nodes)
    for node, side, offset in leaves:
        nodes[node][side] = size + 16 + offset
    tree = b"".join((size if record is None else record).to_bytes(3, "big") for node in nodes for record in node)
    metadata = {
        "node_count": size, "record_size": (2, 24), "ip_version": (2, 4), "database_type": kind, "languages": [],
        "binary_format_major_version": (2, 2), "binary_format_minor_version": (2, 0), "build_epoch": (8, built_at),
        "description": {},
    }  # fmt: skip
    return tree + bytes(16) + bytes(data) + b"\xab\xcd\xefMaxMind.com" + _encode(metadata)


def _encode(value: Any) -> bytes:
    if isinstance(value, dict):
        return bytes([7 << 5 | len(value)]) + b"".join(_encode(key) + _encode(item) for key, item in value.items())
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_encode, value))
    if isinstance(value, str):
        return bytes([2 << 5 | len(value)]) + value.encode()
    # A pair says in how many bytes a number is written: readers insist on it in the metadata.
    width, number = value if isinstance(value, tuple) else (4, value)
    head = {2: [5 << 5 | 2], 4: [6 << 5 | 4], 8: [8, 9 - 7]}[width]
    return bytes(head) + int(number).to_bytes(width, "big")
