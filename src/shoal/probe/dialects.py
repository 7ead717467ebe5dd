"""How each kind of judge is asked, and how its answer is read. Pure: bytes in, values out."""

from __future__ import annotations

import hmac
import html
import ipaddress
import re
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from shoal.domain.address import ipv4_number
from shoal.domain.judge import judge_mac
from shoal.policy.verdict import Echo
from shoal.probe.judges import Judge, JudgeKind
from shoal.wire import encode_request_head

USER_AGENT: Final = "Mozilla/5.0 (compatible; Shoal)"
"""Says what it is; some proxies refuse a request without the usual first word."""

NONCE_LENGTH: Final = 32
"""Hexadecimal digits: 128 bits, so that no answer kept from another check can hold it."""

_PLACEHOLDER: Final = "0" * NONCE_LENGTH
_ANSWER_LIMIT: Final = 65_536
"""Characters of a page that are searched for addresses and variables."""


class Template(Struct, frozen=True, gc=False):
    """A request encoded once: the nonce goes between ``head`` and ``tail``."""

    head: bytes
    tail: bytes
    headers: dict[str, str]
    """As sent, for comparison with what the judge saw. Where the nonce is in one, its value stands for none."""

    def request(self, nonce: str, proxy_authorization: str | None = None) -> bytes:
        """The bytes to send. ``proxy_authorization`` is for forwarded requests; a judge must never see it."""
        if proxy_authorization is None:
            return self.head + nonce.encode() + self.tail
        extra = f"Proxy-Authorization: {proxy_authorization}\r\n\r\n".encode("latin-1")
        return self.head + nonce.encode() + self.tail[:-2] + extra


def nonce_template(judge: Judge, *, forward: bool) -> Template:
    """The request that carries a nonce to a judge, in absolute form for ``forward``."""
    agent = f"{USER_AGENT} {_PLACEHOLDER}" if judge.kind == "trace" else USER_AGENT
    target = judge.path
    if judge.kind == "shoal":
        target += f"{_joint(target)}format=json&nonce={_PLACEHOLDER}"
    elif judge.kind != "trace":
        target += f"{_joint(target)}nonce={_PLACEHOLDER}"
    return _template(judge, target, agent, forward)


def document_template(judge: Judge, path: str, *, forward: bool, keep: bool = False) -> Template:
    """The request for a fixed document. The nonce in its query keeps caches out of it."""
    return _template(judge, f"{path}?nonce={_PLACEHOLDER}", USER_AGENT, forward, keep)


def _joint(target: str) -> str:
    return "&" if "?" in target else "?"


def _template(judge: Judge, target: str, agent: str, forward: bool, keep: bool = False) -> Template:
    if forward:
        target = f"http://{judge.authority}{target}"
    headers = (
        ("Host", judge.authority),
        ("User-Agent", agent),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "keep-alive" if keep else "close"),
    )
    head, _, tail = encode_request_head("GET", target, headers).rpartition(_PLACEHOLDER.encode())
    return Template(head, tail, dict(headers))


# -- answers -------------------------------------------------------------------------------------------------------


class _ShoalAnswer(Struct, gc=False):
    address: str
    nonce: str | None = None
    mac: str | None = None
    target: str | None = None
    headers: list[tuple[str, str]] = []


class _HttpbinAnswer(Struct, gc=False):
    origin: str
    args: dict[str, str | list[str]] = {}
    headers: dict[str, str | list[str]] = {}


_decode_shoal = msgspec.json.Decoder(_ShoalAnswer).decode
_decode_httpbin = msgspec.json.Decoder(_HttpbinAnswer).decode


def read_echo(judge: Judge, body: bytes, nonce: str) -> Echo:
    """What the answer to a request with this nonce says. What cannot be read is an Echo whose nonce is not there."""
    return _READERS[judge.kind](judge, body, nonce)


def _read_shoal(judge: Judge, body: bytes, nonce: str) -> Echo:
    try:
        answer = _decode_shoal(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _not_there(body)
    address = answer.address
    # Without a key a proxy may have written this: only an address may go on from here.
    seen = address if ipv4_number(address) is not None else _address(address)
    ok = seen is not None and answer.nonce == nonce
    if ok and judge.key is not None:
        # In constant time: the answer comes from whoever runs the proxy.
        mac = answer.mac
        ok = mac is not None and mac.isascii() and hmac.compare_digest(mac, judge_mac(judge.key, nonce, address))
    return Echo(seen, ok, answer.headers, answer.target, body)


# In the order in which our judge writes them; a proxy may have sorted them, hence the second look.
_SIGNATURE: Final = re.compile(
    rb"\r\nX-Shoal-Address: ([0-9A-Fa-f:.]{2,45})\r\nX-Shoal-Nonce: ([0-9a-f]{32})\r\n"
    rb"(?:X-Shoal-Mac: ([0-9a-f]{64})\r\n)?"
)
_SIGNATURE_PARTS: Final = tuple(
    re.compile(rb"\r\nx-shoal-%s:[ \t]*([!-~]{1,128})[ \t]*\r\n" % name, re.IGNORECASE)
    for name in (b"address", b"nonce", b"mac")
)


def read_signature(judge: Judge, head: bytes, nonce: str) -> Echo:
    """What the head of a fixed document proves. ``nonce_ok`` None: it is not signed at all."""
    found = _SIGNATURE.search(head)
    if found is not None:
        given: tuple[bytes | None, ...] = found.groups()
    else:
        given = tuple([None if (part := one.search(head)) is None else part[1] for one in _SIGNATURE_PARTS])
    address, said, mac = given
    if address is None or said is None:
        return Echo(None, None)
    text = address.decode()
    seen = text if ipv4_number(text) is not None else _address(text)
    ok = seen is not None and said == nonce.encode()
    if ok and judge.key is not None:
        if mac is None and found is not None:
            part = _SIGNATURE_PARTS[2].search(head)
            mac = None if part is None else part[1]
        if mac is None:
            return Echo(seen, None)
        ok = hmac.compare_digest(mac, judge_mac(judge.key, nonce, text).encode())
    return Echo(seen, ok)


def _read_httpbin(judge: Judge, body: bytes, nonce: str) -> Echo:
    try:
        answer = _decode_httpbin(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _not_there(body)
    headers = tuple(
        (name, value if isinstance(value, str) else ", ".join(value)) for name, value in answer.headers.items()
    )
    # "client, proxy, proxy": what its own front end saw is the last.
    address = _address(answer.origin.rpartition(",")[2])
    if "," in answer.origin:
        # The addresses before it came in a header that httpbin hides.
        headers += (("X-Forwarded-For", answer.origin),)
    return Echo(address, answer.args.get("nonce") == nonce, headers, None, body)


_VARIABLE: Final = re.compile(r"^\s*(?:<[^>\n]*>)*([A-Z][A-Z0-9_]*)\s*=>?\s*([^\n<]*)", re.MULTILINE)


def _read_azenv(judge: Judge, body: bytes, nonce: str) -> Echo:
    text = html.unescape(body[:_ANSWER_LIMIT].decode("latin-1"))
    variables = {name: value.strip() for name, value in _VARIABLE.findall(text)}
    headers = tuple(
        (name[5:].replace("_", "-").title(), value) for name, value in variables.items() if name.startswith("HTTP_")
    )
    asked = variables.get("REQUEST_URI", "") + variables.get("QUERY_STRING", "")
    return Echo(_address(variables.get("REMOTE_ADDR", "")), nonce in asked, headers, None, body)


def _read_trace(judge: Judge, body: bytes, nonce: str) -> Echo:
    lines = body[:_ANSWER_LIMIT].decode("latin-1").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    # The judge's own name may be our address (a judge beside us): that it comes back proves nothing.
    shown = "\n".join(line for line in lines if line not in (f"h={judge.host}", f"h={judge.host}:{judge.port}"))
    return Echo(_address(values.get("ip", "")), nonce in values.get("uag", ""), (), None, shown.encode("latin-1"))


_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{3,45}")


def _read_plain(judge: Judge, body: bytes, nonce: str) -> Echo:
    text = body[:1024].decode("latin-1").strip()
    found = _ADDRESS.fullmatch(text)
    return Echo(None if found is None else _address(found[0]), None, (), None, body)


def _not_there(body: bytes) -> Echo:
    return Echo(None, False, (), None, body)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


_READERS: Final[dict[JudgeKind, Callable[[Judge, bytes, str], Echo]]] = {
    "shoal": _read_shoal,
    "httpbin": _read_httpbin,
    "azenv": _read_azenv,
    "trace": _read_trace,
    "plain": _read_plain,
}


def guess_kind(judge: Judge, body: bytes, nonce: str) -> JudgeKind | None:
    """What a judge seems to be by an answer that its supposed kind cannot read; None when it fits no kind.

    Only a nonce that was sent in the query can come back, so a trace page is told by its lines.
    """
    for kind in ("shoal", "httpbin", "azenv"):
        if _READERS[kind](judge, body, nonce).nonce_ok:
            return kind
    if _read_trace(judge, body, nonce).address is not None and b"uag=" in body:
        return "trace"
    return "plain" if _read_plain(judge, body, nonce).address is not None else None
