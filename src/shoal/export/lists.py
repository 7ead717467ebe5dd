"""Lists for people, scripts and spreadsheets."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from shoal.domain import Anonymity, Capability, Honesty, Pick, Scheme, Trust

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of cells that spreadsheets run as formulas (OWASP, CSV injection)."""


class Row(Struct, frozen=True, gc=False):
    """One path of one proxy, flat: what json, jsonl and csv show."""

    proxy: str
    scheme: Scheme
    host: str
    port: int
    username: str | None
    capabilities: list[Capability]
    anonymity: Anonymity
    honesty: Honesty
    exit: str | None
    country: str | None
    latency_ms: float | None
    forecast: float
    trust: Trust
    tags: list[str]
    sources: list[str]
    last_ok: str | None


def urls(picks: Sequence[Pick], secrets: bool) -> str:
    """``scheme://[user:password@]host:port`` a line."""
    return "".join(f"{pick.proxy.url(secrets=secrets)}\n" for pick in picks)


def endpoints(picks: Sequence[Pick], secrets: bool) -> str:
    """``host:port`` a line, once each; ``user:password@host:port`` with ``secrets``."""
    lines = []
    for pick in picks:
        url = pick.proxy.url(secrets=secrets).partition("://")[2]
        lines.append(url if secrets else url.rpartition("@")[2])
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def json(picks: Sequence[Pick], secrets: bool) -> str:
    return msgspec.json.encode([_row(pick, secrets) for pick in picks]).decode() + "\n"


def jsonl(picks: Sequence[Pick], secrets: bool) -> str:
    return "".join(msgspec.json.encode(_row(pick, secrets)).decode() + "\n" for pick in picks)


def csv(picks: Sequence[Pick], secrets: bool) -> str:
    """RFC 4180 with a head. Lists are joined by spaces, and no cell begins like a formula."""
    out = io.StringIO()
    writer = csv_module.writer(out)
    writer.writerow(Row.__struct_fields__)
    for pick in picks:
        writer.writerow([_cell(value) for value in msgspec.to_builtins(_row(pick, secrets)).values()])
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(pick: Pick, secrets: bool) -> Row:
    record, path = pick.record, pick.path
    last_ok = path.health.last_ok
    return Row(
        pick.proxy.url(secrets=secrets),
        path.scheme,
        record.endpoint.host,
        record.endpoint.port,
        record.credentials.username if record.credentials else None,
        sorted(path.capabilities),
        path.anonymity,
        path.honesty,
        path.exit,
        path.country or record.country,
        round(path.timing.total * 1000.0, 1) or None,
        round(pick.forecast.probability, 4),
        record.trust,
        list(record.tags),
        list(record.sources),
        datetime.fromtimestamp(last_ok, UTC).isoformat(timespec="seconds")[:-6] + "Z" if last_ok > 0 else None,
    )
