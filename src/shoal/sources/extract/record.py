"""One proxy given as named fields: a JSON object, a CSV or table row under its head, an XML element."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from shoal.domain import Candidate, Credentials, Refused, Scheme
from shoal.sources.extract.entry import Reading, build, is_host, is_v4, read_token
from shoal.sources.extract.escapes import unpacked
from shoal.sources.extract.labels import (
    ADDRESS,
    COUNTRY,
    ENTRY,
    FOREIGN,
    PASSWORD,
    PLACE,
    PORT,
    PROTOCOL,
    USERNAME,
    country_code,
    normal,
    scheme_words,
)

_LONE_NAME = re.compile(r"[A-Za-z0-9-]+")
"""A host of one's own network; believed only where the record says that it is a proxy: {"server": "nginx"} is none."""
_FLAGS = ("http", "https", "ssl", "socks4", "socks4a", "socks5")
_YES = ("1", "true", "yes", "y", "✓", "✔", "+", "是")


_LISTING_PORTS = PORT | {"services"}
"""Fields that may list ports, each with what is said of it."""
_PORTS_LIMIT = 64
"""Ports of one address: a record of more is a scan of everything."""


def is_record(fields: Mapping[str, Any]) -> bool:
    """True when the fields (names normalised) hold an address with a port, or an entry in one field."""
    if (
        any(_scalar(fields[name]) for name in fields if name in PORT)
        or any(_several(fields[name]) for name in fields if name in _LISTING_PORTS)
        or _ported(fields)
    ):
        return any(
            _text(fields[name]) and (name in ADDRESS or is_v4(_text(fields[name])))
            for name in fields
            if name in ADDRESS or name in ENTRY
        )
    return any(_joined(fields[name]) for name in fields if name in ADDRESS or name in ENTRY)


def read_record(fields: Mapping[str, Any], scheme: Scheme | None) -> Iterator[Reading]:
    """The candidates of one record, one for each scheme it claims and each port it lists."""
    several = next((name for name in fields if name in _LISTING_PORTS and _several(fields[name])), _ported(fields))
    if several is not None and not any(_scalar(fields[name]) for name in fields if name in PORT):
        rest = {name: value for name, value in fields.items() if name != several}
        for port, label in _several(fields[several])[:_PORTS_LIMIT]:
            yield from read_record({**rest, "port": port, **({"protocol": label} if label else {})}, scheme)
        return
    said = next((fields[name] for name in fields if name in PROTOCOL and _words(fields[name])), None)
    label = _words(said)
    if any(normal(word) in FOREIGN for word in label.split()):
        return
    reading = _base(fields, scheme)
    if not isinstance(reading, Candidate):
        yield reading or Refused.MALFORMED
        return
    reading = replace(
        reading,
        country=reading.country or _country(fields),
        credentials=reading.credentials or _credentials(fields),
    )
    schemes = _schemes(fields, label, reading, scheme)
    if not schemes:
        yield reading
    for one in schemes:
        yield replace(reading, scheme=one)


def _base(fields: Mapping[str, Any], scheme: Scheme | None) -> Reading:
    told = any(name in PROTOCOL and _words(fields[name]) for name in fields)
    port = unpacked(next((_text(fields[name]) for name in fields if name in PORT and _scalar(fields[name])), ""))
    # Spreadsheets and data frames write whole numbers so.
    port = port.removesuffix(".0")
    fault: Reading = None
    secret = any(name in USERNAME and _scalar(fields[name]) for name in fields)
    # Beside an address a name is its reverse look-up in a list; with a secret it is the gateway of a provider.
    listed = not secret and (told or any(name in COUNTRY or name in _FLAGS for name in fields))
    held = [(name in ENTRY, unpacked(_text(fields[name]))) for name in fields if name in ADDRESS or name in ENTRY]
    # An IPv6 address beside another one is where the proxy leaves: it is reached at the other.
    for _, value in sorted(held, key=lambda h: (h[0], h[1].count(":") > 1, listed and not is_v4(h[1]))):
        if not value:
            continue
        host = value.split("://")[-1].rstrip("/")
        if port and (is_host(host.strip("[]")) or (told and _LONE_NAME.fullmatch(host))):
            reading: Reading = build(host, port, scheme=scheme, text=f"{host}:{port}")
        else:
            reading = read_token(value, scheme)
        if isinstance(reading, Candidate):
            return reading
        fault = fault or reading
    return fault


def _schemes(
    fields: Mapping[str, Any], label: str, reading: Candidate, default: Scheme | None
) -> tuple[Scheme | None, ...]:
    words = scheme_words(label)
    if words is None:
        flagged = [name for name in _FLAGS if name in fields and _yes(fields[name])]
        told = any(name in fields and name.startswith("socks") for name in _FLAGS)
        words = scheme_words(" ".join(flagged)) if flagged and told else None
    if words is None:
        # A column or field that says "https://..." means what the label HTTPS means.
        return (Scheme.HTTP,) if reading.scheme is Scheme.HTTPS and default is not Scheme.HTTPS else ()
    if words == (Scheme.HTTP,) and "server" in fields and _yes(_inner(fields.get("tls"), "enabled")):
        return (Scheme.HTTPS,)
    if not words and "serverport" in fields:
        # sing-box: "socks" is version 5 unless it says otherwise.
        version = _text(fields.get("version")) or "5"
        return scheme_words(f"socks{version}") or (Scheme.SOCKS5,)
    if not words:
        return (default if default is not None and default.is_socks else None,)
    return words


def _credentials(fields: Mapping[str, Any]) -> Credentials | None:
    username = next((_text(fields[name]) for name in fields if name in USERNAME and _scalar(fields[name])), "")
    password = next((_text(fields[name]) for name in fields if name in PASSWORD and _scalar(fields[name])), "")
    return Credentials(username, password) if username else None


def _country(fields: Mapping[str, Any]) -> str | None:
    for name in sorted((n for n in fields if n in COUNTRY), key=lambda n: "code" not in n):
        if isinstance(fields[name], str) and (code := country_code(fields[name])):
            return code
    for name in fields:
        if name in PLACE and isinstance(fields[name], dict):
            inner = {normal(key): item for key, item in fields[name].items() if isinstance(key, str)}
            code = _text(inner.get("code")) if name in COUNTRY else ""
            if found := country_code(code) or _country(inner):
                return found
    return country_code(_text(fields.get("code")))


def _several(value: Any) -> list[tuple[str, str]]:
    """Ports of a list, each with what is said of its scheme: ``[80, 8080]``, ``[{"port": 80}]``, ``{"http": 80}``."""
    if isinstance(value, dict):
        pairs = [(_text(port), key) for key, port in value.items() if isinstance(key, str)]
        return [(port, key) for port, key in pairs if port and scheme_words(key) is not None]
    if not isinstance(value, list):
        return []
    found: list[tuple[str, str]] = []
    for item in value:
        inner = (
            {normal(key): one for key, one in item.items() if isinstance(key, str)} if isinstance(item, dict) else {}
        )
        if inner.get("status", inner.get("state", "open")) != "open":
            continue
        port = _text(next((inner[name] for name in inner if name in PORT or name == "number"), "") if inner else item)
        label = next((_words(inner[name]) for name in inner if name in PROTOCOL and _words(inner[name])), "")
        if port:
            found.append((port, label))
    return found


def _ported(fields: Mapping[str, Any]) -> str | None:
    """The field whose protocols each tell their port: ``"protocols": [{"type": "socks4", "port": 4145}]``."""
    for name, value in fields.items():
        if name in PROTOCOL and isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            return name if _several(value) else None
    return None


def _inner(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else value


def _yes(value: Any) -> bool:
    return value is True or _text(value).strip().lower() in _YES


def _scalar(value: Any) -> bool:
    return _text(value).strip() != ""


def _text(value: Any) -> str:
    """Strings and whole numbers as text; anything else is no part of an address."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value) if isinstance(value, int) and abs(value) < 10**12 else ""


def _words(value: Any) -> str:
    """What a protocol field says, if it says anything in words."""
    if isinstance(value, list):
        return " ".join(item for item in value[:16] if isinstance(item, str))
    if isinstance(value, dict):
        return " ".join(key for key, item in list(value.items())[:16] if isinstance(key, str) and _yes(item))
    text = value if isinstance(value, str) else ""
    return text if scheme_words(text) is not None or normal(text) in FOREIGN else ""


def _joined(value: Any) -> bool:
    if not isinstance(value, str) or ":" not in value or "<" in value or ("," in value and value.count(":") > 1):
        return False
    reading = read_token(value.strip(), names=True)
    return reading is not None and len(value.split()) == 1
