"""A list's proxies written in each form that is found in the wild, with the rubbish that comes along."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from shoal.lab.population import LabProxy

_COUNTRIES: Final = ("ID", "US", "RU", "DE", "NL", "SG", "CO", "IN", "BD", "BR", "PH", "VN")
RUBBISH: Final = (
    ("203.0.113.7", "0"),
    ("203.0.113.8", "70000"),
    ("203.0.113.9", "8O80"),
    ("999.1.1.1", "8080"),
    ("10.11.12.13", "3128"),
    ("192.168.1.1", "8080"),
    ("0.0.0.0", "80"),
    ("169.254.169.254", "80"),
    ("203.0.113", "8080"),
    ("0x7f.1", "1080"),
    ("proxy host", "8080"),
)
"""Host and port of entries that nobody should try."""


def _country(proxy: LabProxy) -> str:
    return _COUNTRIES[proxy.index % len(_COUNTRIES)]


def plain(proxies: Sequence[LabProxy]) -> str:
    lines = [f"{proxy.address}:{proxy.port}" for proxy in proxies]
    lines[:0] = ["# Free proxy list, updated every 30 minutes", ""]
    lines += lines[2:5]
    lines += [f"{host}:{port}" for host, port in RUBBISH]
    return "\r\n".join([*lines, "\0\0\0", "x" * 20_000, ""])


def annotated(proxies: Sequence[LabProxy]) -> str:
    marks = {"transparent": "T", "anonymous": "A", "elite": "H", "unknown": "?"}
    lines = ["Proxy list", "IP address:Port Country-Anonymity(T/A/H)-SSL support(S)-Google passed(+)", ""]
    for proxy in proxies:
        ssl = "-S" if proxy.claimed.is_socks or proxy.behaviour.connect else ""
        lines.append(f"{proxy.address}:{proxy.port} {_country(proxy)}-{marks[proxy.anonymity.value]}{ssl} + ")
    lines += [f"{host}:{port} XX-N - " for host, port in RUBBISH]
    return "\n".join([*lines, ""])


def urls(proxies: Sequence[LabProxy]) -> str:
    lines = [proxy.url(proxy.claimed) for proxy in proxies]
    lines += [f"http://{host}:{port}" for host, port in RUBBISH] + ["ftp://203.0.113.5:21", "http://", *lines[:3]]
    return "\n".join([*lines, ""])


def _object(proxy: LabProxy) -> dict[str, object]:
    found: dict[str, object] = {
        "ip": proxy.address,
        "port": proxy.port,
        "protocol": proxy.claimed.value,
        "country": _country(proxy),
        "anonymity": proxy.anonymity.value,
    }
    if proxy.credentials is not None:
        found |= {"username": proxy.credentials.username, "password": proxy.credentials.password}
    return found


def _rubbish_objects() -> list[dict[str, object]]:
    return [{"ip": host, "port": port, "protocol": "http", "country": None} for host, port in RUBBISH]


def as_json(proxies: Sequence[LabProxy]) -> str:
    rubbish: list[object] = [*_rubbish_objects(), None, 7, {"port": 8080}]
    return json.dumps([*map(_object, proxies), *rubbish], indent=1)


def jsonl(proxies: Sequence[LabProxy]) -> str:
    lines = [json.dumps(entry) for entry in [*map(_object, proxies), *_rubbish_objects()]]
    return "\n".join([*lines, '{"ip": "203.0.113.1", "port":', ""])


def csv(proxies: Sequence[LabProxy]) -> str:
    lines = ["ip,port,protocol,country,last checked"]
    for proxy in proxies:
        lines.append(f'{proxy.address},{proxy.port},{proxy.claimed.value},{_country(proxy)},"1 minute ago, ok"')
    lines += [f"{host},{port},http,,never" for host, port in RUBBISH]
    return "\n".join([*lines, '"unclosed,8080', ""])


_PAGE_BEGIN: Final = (
    "<!DOCTYPE html>\n<html><head><title>Free proxies</title>"
    "<script>var version = '203.0.113.250:65500.1';</script></head><body>\n<h1>Free proxy list</h1>\n<table>\n"
)
_PAGE_END: Final = "</table>\n<p>Updated 1.2.3 at 12:30. All rights reserved.</p>\n</body></html>\n"
_COLUMNS: Final = "<thead><tr><th>IP Address</th><th>Port</th><th>Protocol</th><th>Country</th></tr></thead>\n"


def table(proxies: Sequence[LabProxy]) -> str:
    rows = [(p.address, str(p.port), p.claimed.value.upper(), _country(p)) for p in proxies]
    rows += [(host, port, "HTTP", "") for host, port in RUBBISH]
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"{_PAGE_BEGIN}{_COLUMNS}<tbody>\n{body}</tbody>{_PAGE_END}"


def encoded(proxies: Sequence[LabProxy]) -> str:
    """Addresses in base64 inside a script call, ports in an attribute: against readers that look at text only."""
    rows = []
    for number, proxy in enumerate(proxies):
        scheme = proxy.claimed.value.upper()
        if number % 2:
            address = b64encode(proxy.address.encode()).decode()
            first = f'<td><script>document.write(Base64.decode("{address}"))</script></td><td>{proxy.port}</td>'
        else:
            first = f'<td data-ip="{proxy.address}">&nbsp;</td><td data-port="{proxy.port}">&nbsp;</td>'
        rows.append(f"<tr>{first}<td>{scheme}</td><td>{_country(proxy)}</td></tr>\n")
    return f"{_PAGE_BEGIN}{_COLUMNS}<tbody>\n{''.join(rows)}</tbody>{_PAGE_END}"


def xml(proxies: Sequence[LabProxy]) -> str:
    entries = [(p.address, str(p.port), p.claimed.value, _country(p)) for p in proxies]
    entries += [(host, port, "http", "") for host, port in RUBBISH]
    body = "".join(
        f"<proxy><ip>{escape(host)}</ip><port>{port}</port><protocol>{kind}</protocol><country>{country}</country></proxy>\n"
        for host, port, kind, country in entries
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<proxies>\n{body}</proxies>\n'


FORMS: Final[dict[str, tuple[str, Callable[[Sequence[LabProxy]], str]]]] = {
    "plain": ("text/plain; charset=utf-8", plain),
    "annotated": ("text/plain; charset=utf-8", annotated),
    "urls": ("text/plain; charset=utf-8", urls),
    "json": ("application/json", as_json),
    "jsonl": ("application/x-ndjson", jsonl),
    "csv": ("text/csv; charset=utf-8", csv),
    "table": ("text/html; charset=utf-8", table),
    "encoded": ("text/html; charset=utf-8", encoded),
    "xml": ("application/xml; charset=utf-8", xml),
}
"""Form to its content type and the function that writes it."""
