"""The judge's answers: a pure function of what reached it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from html import escape
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, Struct, UnsetType

from shoal.domain.judge import DOCUMENTS, judge_mac
from shoal.domain.problem import PROBLEM_TYPE, Problem
from shoal.judge.multipart import Part, boundary_of, read_parts
from shoal.judge.request import header_value, is_nonce, query_value, split_target

Headers = tuple[tuple[str, str], ...]


class Answer(Struct, frozen=True, gc=False):
    """What to send. The body is there for HEAD too: whoever sends it keeps the length and drops the bytes."""

    status: int
    headers: Headers
    body: bytes
    fields: Headers = ()
    """Header fields of this answer alone; those in ``headers`` are encoded once for all answers that share them."""


class Body(Struct, frozen=True, gc=False):
    """The receipt of a request body; ``multipart`` is None where it is not multipart or cannot be read as such."""

    length: int
    sha256: str
    multipart: tuple[Part, ...] | None


class Check(Struct, frozen=True, gc=False):
    """Everything that reached the judge. ``mac`` is null without a key or nonce; ``time`` is in epoch seconds."""

    address: str
    port: int
    nonce: str | None
    mac: str | None
    method: str
    target: str
    version: str
    headers: Sequence[tuple[str, str]]
    scheme: str
    time: float
    body: Body | UnsetType = UNSET


class Exchange(Struct, frozen=True, gc=False):
    """One request as the routes see it."""

    method: str
    target: str
    version: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    peer: tuple[str, int]
    scheme: str
    key: bytes | None
    now: float
    path: str
    query: str


def _fixed(content_type: str, *more: tuple[str, str]) -> Headers:
    # A judge echoes what strangers send: nobody shall make a browser run it or a cache keep it.
    return (
        ("Content-Type", content_type),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        *more,
    )


_SANDBOX: Final = ("Content-Security-Policy", "default-src 'none'; sandbox")
_TEXT: Final = _fixed("text/plain; charset=utf-8")
_JSON: Final = _fixed("application/json")
_OCTETS: Final = _fixed("application/octet-stream", _SANDBOX)
_ECHOED_TEXT: Final = _fixed("text/plain; charset=utf-8", _SANDBOX)
_HTML: Final = _fixed("text/html; charset=utf-8", _SANDBOX)
_PROBLEM: Final = _fixed(PROBLEM_TYPE)
_DOCUMENT_ANSWERS: Final = {
    path: Answer(200, _fixed(document.content_type), document.body) for path, document in DOCUMENTS.items()
}
_READ: Final = frozenset({"GET", "HEAD"})
_WRITE: Final = frozenset({"POST", "PUT"})
_encode: Final = msgspec.json.Encoder().encode


def answer(
    method: str,
    target: str,
    version: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    *,
    peer: tuple[str, int],
    scheme: str,
    key: bytes | None,
    now: float,
) -> Answer:
    """What a judge says to one request. ``now`` is in epoch seconds; never raises for anything a client sends."""
    path, query = split_target(target)
    handler, methods = _route(path)
    if handler is None:
        return problem(404, "not_found", "There is no such page; /check/ tells the caller's address.")
    if method == "CONNECT" or (methods is not None and method not in methods):
        allow = ", ".join(sorted(methods or (_READ | _WRITE)))
        return problem(405, "method_not_allowed", f"This page answers {allow}.", ("Allow", allow))
    return handler(Exchange(method, target, version, headers, body, peer, scheme, key, now, path, query))


def problem(status: int, code: str, detail: str, *headers: tuple[str, str]) -> Answer:
    """An RFC 9457 problem document."""
    return Answer(status, (*_PROBLEM, *headers), Problem(status, code, detail).to_json())


Handler = Callable[[Exchange], Answer]


def _route(path: str) -> tuple[Handler | None, frozenset[str] | None]:
    found = _ROUTES.get(path)
    if found is not None:
        return found
    if path.startswith("/nonce/"):
        return _nonce, _READ
    return None, None


def _check(exchange: Exchange) -> Answer:
    if not _wants_json(exchange):
        return Answer(200, _TEXT, f"{exchange.peer[0]}\n".encode())
    nonce = query_value(exchange.query, "nonce") if exchange.query else None
    if nonce is None:
        nonce = header_value(exchange.headers, "x-shoal-nonce")
    if nonce is not None and not is_nonce(nonce):
        return problem(400, "bad_nonce", "A nonce is 1 to 128 printable ASCII characters without spaces.")
    address, port = exchange.peer
    mac = judge_mac(exchange.key, nonce, address) if exchange.key is not None and nonce is not None else None
    check = Check(
        address,
        port,
        nonce,
        mac,
        exchange.method,
        exchange.target,
        exchange.version,
        exchange.headers,
        exchange.scheme,
        exchange.now,
        _receipt(exchange) if exchange.body else UNSET,
    )
    return Answer(200, _JSON, _encode(check))


def _wants_json(exchange: Exchange) -> bool:
    if exchange.query:
        wanted = query_value(exchange.query, "format")
        if wanted is not None:
            return wanted == "json"
    accept = header_value(exchange.headers, "accept")
    return accept is not None and "application/json" in accept.lower()


def _receipt(exchange: Exchange) -> Body:
    boundary = boundary_of(header_value(exchange.headers, "content-type") or "")
    parts = None if boundary is None else read_parts(exchange.body, boundary)
    return Body(len(exchange.body), hashlib.sha256(exchange.body).hexdigest(), parts)


def _headers(exchange: Exchange) -> Answer:
    return Answer(200, _JSON, _encode({"headers": exchange.headers}))


def _nonce(exchange: Exchange) -> Answer:
    nonce = exchange.path[len("/nonce/") :]
    if not is_nonce(nonce):
        return problem(400, "bad_nonce", "A nonce is 1 to 128 printable ASCII characters without spaces.")
    return Answer(200, _TEXT, f"{nonce}\n".encode())


def _document(exchange: Exchange) -> Answer:
    """A fixed document. With a nonce its head is signed: one exchange proves that it came from here, unchanged."""
    plain = _DOCUMENT_ANSWERS[exchange.path]
    nonce = query_value(exchange.query, "nonce") if exchange.query else None
    if nonce is None or not is_nonce(nonce):
        return plain
    address = exchange.peer[0]
    fields: Headers = (("X-Shoal-Address", address), ("X-Shoal-Nonce", nonce))
    if exchange.key is not None:
        fields = (*fields, ("X-Shoal-Mac", judge_mac(exchange.key, nonce, address)))
    return Answer(plain.status, plain.headers, plain.body, fields)


def _echo(exchange: Exchange) -> Answer:
    content_type = (header_value(exchange.headers, "content-type") or "").strip().lower()
    return Answer(200, _ECHOED_TEXT if content_type.startswith("text/plain") else _OCTETS, exchange.body)


def _httpbin(exchange: Exchange) -> Answer:
    """The shape of httpbin's /get, for checkers that know no other judge."""
    host = header_value(exchange.headers, "host") or ""
    fields: dict[str, str] = {}
    for name, value in exchange.headers:
        title = name.title()
        fields[title] = f"{fields[title]},{value}" if title in fields else value
    content = {
        "args": dict(parse_qsl(exchange.query, keep_blank_values=True)),
        "headers": fields,
        "origin": exchange.peer[0],
        "url": f"{exchange.scheme}://{host}{exchange.path}{'?' if exchange.query else ''}{exchange.query}",
    }
    return Answer(200, _JSON, _encode(content))


def _azenv(exchange: Exchange) -> Answer:
    """The shape of an azenv page: CGI variables, one a line, inside <pre>."""
    variables = [
        ("REMOTE_ADDR", exchange.peer[0]),
        ("REMOTE_PORT", str(exchange.peer[1])),
        ("REQUEST_METHOD", exchange.method),
        ("REQUEST_SCHEME", exchange.scheme),
        ("REQUEST_URI", exchange.target),
        ("REQUEST_TIME", str(int(exchange.now))),
        *((f"HTTP_{name.upper().replace('-', '_')}", value) for name, value in exchange.headers),
    ]
    lines = "".join(f"{escape(name)} = {escape(value)}\n" for name, value in sorted(variables))
    head = "<!DOCTYPE html>\n<html><head><title>AZ Environment variables</title></head><body><pre>\n"
    return Answer(200, _HTML, f"{head}{lines}</pre></body></html>\n".encode())


def _trace(exchange: Exchange) -> Answer:
    """The shape of a /cdn-cgi/trace page, as far as checkers read it."""
    agent = header_value(exchange.headers, "user-agent") or ""
    host = header_value(exchange.headers, "host") or ""
    lines = {
        "h": host,
        "ip": exchange.peer[0],
        "ts": f"{exchange.now:.3f}",
        "visit_scheme": exchange.scheme,
        "uag": agent,
        "http": f"http/{exchange.version}",
        "loc": "XX",
    }
    return Answer(200, _TEXT, "".join(f"{name}={value}\n" for name, value in lines.items()).encode())


_ROUTES: Final[dict[str, tuple[Handler | None, frozenset[str] | None]]] = {
    "/": (_check, None),
    "/check": (_check, None),
    "/check/": (_check, None),
    "/headers": (_headers, None),
    "/echo": (_echo, _WRITE),
    "/get": (_httpbin, _READ),
    "/azenv": (_azenv, None),
    "/cdn-cgi/trace": (_trace, _READ),
    **dict.fromkeys(DOCUMENTS, (_document, _READ)),
}
