"""Clash and mihomo configurations: the entries of ``proxies:`` that are HTTP or SOCKS5, in flow or block style.

Reads as much of YAML as these lists use; anchors, tags and multi-line scalars are not among it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shoal.domain import Credentials, Refused, Scheme
from shoal.sources.extract.entry import Reading, build
from shoal.sources.extract.labels import normal
from shoal.sources.extract.record import is_record, read_record

_ITEM = re.compile(r"(\s*)-\s+(.*)")
_SECTION = re.compile(r"\s*[\"']?(proxies|Proxy|payload)[\"']?\s*:\s*(.*)")
_PAIR = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*:(?:\s+(.*)|$)")
_FLOW = re.compile(
    r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'|[{}\[\],]|:(?=\s|$|")|[^\s{}\[\],:"\'][^{}\[\],\n]*?(?=\s*(?:[{}\[\],\n]|:\s|:$|$))|\S'
)
_SCHEMES = {"http": Scheme.HTTP, "socks5": Scheme.SOCKS5}
_LINE_LIMIT = 65536


def read_clash(text: str, scheme: Scheme | None) -> Iterator[Reading]:
    """The readings of one configuration. ``scheme`` is not used: every entry says its own."""
    del scheme
    entry: dict[str, str] = {}
    inside = False
    indent = -1
    for line in text.splitlines():
        bare = line.rstrip()
        if not bare.strip() or bare.lstrip().startswith("#"):
            continue
        if len(line) > _LINE_LIMIT:
            yield Refused.TOO_LONG
            continue
        section = _SECTION.fullmatch(bare)
        item = _ITEM.fullmatch(bare)
        if section and not item:
            yield from _reading(entry)
            inside, entry, indent = True, {}, -1
            if section[2].startswith("["):
                for flow in flow_maps(section[2]):
                    yield from _reading(flow)
        elif inside and item and (indent < 0 or len(item[1]) <= indent):
            yield from _reading(entry)
            entry, indent = {}, len(item[1])
            if item[2].lstrip().startswith("{"):
                for flow in flow_maps(item[2]):
                    yield from _reading(flow)
            else:
                _put(entry, item[2])
        elif inside and line[:1].strip():
            yield from _reading(entry)
            inside, entry = False, {}
        elif inside:
            _put(entry, bare)
    yield from _reading(entry)


def _put(entry: dict[str, str], line: str) -> None:
    """One ``key: value`` of block style; the first wins, so that nested options do not replace the entry's own."""
    match = _PAIR.fullmatch(line)
    if match:
        entry.setdefault(match[1].lower(), scalar(match[2] or ""))


def scalar(text: str) -> str:
    """A YAML scalar without quotes and comment."""
    text = text.strip()
    if text[:1] in "\"'" and len(text) > 1:
        end = text.find(text[0], 1)
        while text[0] == "'" and end > 0 and text[end : end + 2] == "''":
            end = text.find("'", end + 2)
        body = text[1:end] if end > 0 else text[1:]
        return body.replace("''", "'") if text[0] == "'" else re.sub(r"\\(.)", r"\1", body)
    return re.split(r"\s+#", text, maxsplit=1)[0].strip()


def flow_maps(text: str) -> Iterator[dict[str, str]]:
    """The outermost ``{key: value, ...}`` of a line; nested maps are skipped."""
    depth = 0
    current: dict[str, str] = {}
    key: str | None = None
    value: list[str] = []

    for match in _FLOW.finditer(text):
        bit = match[0]
        if bit in ("{", "["):
            depth += bit == "{" or depth > 0
            if depth == 1 and bit == "{":
                current, key, value = {}, None, []
        elif bit in ("}", "]"):
            if depth == 1:
                _keep(current, key, value)
                yield current
                current, key, value = {}, None, []
            depth = max(0, depth - 1) if bit == "}" or depth > 1 else depth
        elif depth != 1:
            continue
        elif bit == ",":
            _keep(current, key, value)
            key, value = None, []
        elif bit == ":" and key is None:
            key, value = scalar("".join(value)), []
        else:
            value.append(bit)


def _keep(current: dict[str, str], key: str | None, value: list[str]) -> None:
    if key is not None:
        current.setdefault(key.lower(), scalar("".join(value)))


def _reading(entry: dict[str, Any]) -> Iterator[Reading]:
    kind = _SCHEMES.get(str(entry.get("type", "")).lower())
    if "server" not in entry:
        # A list of somebody's own, under the same heading.
        fields = {normal(key): value for key, value in entry.items()}
        if is_record(fields):
            yield from read_record(fields, None)
        return
    if kind is None:
        return
    tls = str(entry.get("tls", "")).lower() in ("true", "yes", "on", "1")
    if tls and kind is Scheme.SOCKS5:
        # SOCKS inside TLS: nothing of ours speaks that.
        return
    user = str(entry.get("username", ""))
    reading = build(
        str(entry["server"]),
        str(entry.get("port", "")),
        scheme=Scheme.HTTPS if tls else kind,
        credentials=Credentials(user, str(entry.get("password", ""))) if user else None,
    )
    yield reading
