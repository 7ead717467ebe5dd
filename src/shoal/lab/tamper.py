"""What dishonest and broken proxies put in the place of an answer. Pure: bytes in, bytes out."""

from __future__ import annotations

import json
import zlib
from typing import Final
from urllib.parse import parse_qs, urlsplit

from shoal.lab.presets import FailureKind, Tampering
from shoal.wire import RemoteProtocolError, encode_response_head, parse_response_head

_SCRIPT: Final = b'<script src="http://ads.lab/banner.js"></script>'
_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1><p>Please sign in.</p></body></html>\n"
)
_REASONS: Final = {
    200: "OK", 302: "Found", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    407: "Proxy Authentication Required", 502: "Bad Gateway", 504: "Gateway Timeout",
}  # fmt: skip


def answer(
    status: int, body: bytes | None = None, kind: str = "text/html", extra: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """A whole answer that ends the connection."""
    reason = _REASONS[status]
    body = body if body is not None else _PAGE % (reason.encode(), reason.encode())
    headers = (("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close"), *extra)
    return encode_response_head(status, reason, headers) + body


def failing_answer(kind: FailureKind, method: str) -> bytes:
    """What an HTTP client gets from a proxy that fails in this way."""
    if kind is FailureKind.STATUS_403:
        return answer(403)
    if kind is FailureKind.STATUS_407:
        return answer(407, extra=(("Proxy-Authenticate", 'Basic realm="proxy"'),))
    if kind is FailureKind.WEB:
        return answer(400 if method == "CONNECT" else 404, extra=(("Server", "nginx"),))
    if kind in (FailureKind.CAPTIVE, FailureKind.DRIP):
        return answer(200, _PAGE % (b"Welcome", b"Welcome to the network"))
    return answer(502)


def fake_echo(target: str, headers: tuple[tuple[str, str], ...], exit_address: str) -> bytes:
    """An answer made up by the proxy, in the form that the asked echo page would have. Its mac cannot be right."""
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if "nonce" in query or query.get("format") == "json":
        made_up = {
            "address": exit_address, "port": 40000, "nonce": query.get("nonce", ""), "mac": "0" * 64, "method": "GET",
            "target": f"{parts.path}?{parts.query}", "version": "1.1", "headers": [list(pair) for pair in headers],
            "scheme": "http", "time": 0,
        }  # fmt: skip
        return answer(200, json.dumps(made_up).encode(), "application/json")
    if parts.path == "/get":
        origin = {"args": query, "headers": dict(headers), "origin": exit_address, "url": target}
        return answer(200, json.dumps(origin).encode(), "application/json")
    return answer(200, exit_address.encode() + b"\n", "text/plain")


def tamper(message: bytes, how: Tampering) -> bytes:
    """A whole answer as such a proxy passes it on. What it cannot read, or does not care for, stays as it is."""
    end = message.find(b"\r\n\r\n") + 4
    if end < 4:
        return message
    try:
        head = parse_response_head(message[:end])
    except RemoteProtocolError:
        return message
    body = message[end:]
    kind = head.get("content-type") or ""
    if head.status != 200 or head.get("transfer-encoding"):
        return message
    if how is Tampering.REDIRECT:
        if "html" not in kind:
            return message
        return answer(302, extra=(("Location", "http://ads.lab/landing"),))
    changed = _change(body, kind, how)
    if changed == body:
        return message
    headers = [(name, value) for name, value in head.headers if name.lower() != "content-length"]
    headers.append(("Content-Length", str(len(changed))))
    return encode_response_head(head.status, head.reason, headers) + changed


def _change(body: bytes, kind: str, how: Tampering) -> bytes:
    if how is Tampering.INJECT and "html" in kind:
        return body.replace(b"</body>", _SCRIPT + b"</body>", 1)
    if how is Tampering.REWRITE and ("html" in kind or "javascript" in kind):
        return b"\n".join(b" ".join(line.split()) for line in body.splitlines()) + b"\n"
    if how is Tampering.RECOMPRESS and kind == "image/png":
        return _smaller_png(body)
    return body


def _smaller_png(picture: bytes) -> bytes:
    start = picture.find(b"IDAT")
    if start < 4:
        return picture
    size = int.from_bytes(picture[start - 4 : start], "big")
    data = picture[start + 4 : start + 4 + size]
    try:
        packed = zlib.compress(zlib.decompress(data), 9)
    except zlib.error:
        return picture
    chunk = b"IDAT" + packed
    new = len(packed).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return picture[: start - 4] + new + picture[start + 8 + size :]
