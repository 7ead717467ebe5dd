"""A client's plain request: read strictly, stripped of what is only for us, written for the next hop."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Final

from shoal.domain import Proxy
from shoal.gateway.refusal import Refusal
from shoal.wire import RemoteProtocolError, RequestHead, basic_credentials, encode_request_head
from shoal.wire.http_body import BodyPlan, Framing, request_body_plan

_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)")
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:@\[\]]+)(?::([0-9]{1,5}))?", re.ASCII)
_HOP_BY_HOP: Final = frozenset(
    {
        "connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_TELLTALE: Final = frozenset(
    {"via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip"}
)
"""A proxy in front of us may have written the user's address into these."""
_NEVER_NOMINATED: Final = frozenset({"host", "content-length", "transfer-encoding", "cookie", "authorization"})
"""Connection must not make us drop these (a known way to break out of a site's access rules)."""


class PlainRequest:
    """One absolute-form request. ``host`` is as the client wrote it; ``path`` is in origin form."""

    __slots__ = (
        "body", "connection_login", "headers", "host", "keep_alive", "method", "path", "port", "upgrade", "version",
    )  # fmt: skip

    def __init__(self, head: RequestHead) -> None:
        """Raises RemoteProtocolError for framing that is ambiguous, ``Refused`` for what is no proxy request."""
        self.method = head.method
        self.version = head.version
        self.host, self.port, self.path = _split(head)
        self.body: BodyPlan = request_body_plan(head)
        options = _connection_options(head)
        self.upgrade: str | None = None
        if "upgrade" in options and head.version == "1.1" and self.body.framing is Framing.NONE:
            self.upgrade = head.get("upgrade")
        # HTTP/1.0 clients that want to be kept say so in ways that proxies must not trust (RFC 9112 appendix C.2.2).
        self.keep_alive = head.version == "1.1" and "close" not in options and "close" not in _proxy_options(head)
        if options & _NEVER_NOMINATED:
            raise Refused(Refusal(400, "malformed", "the Connection header names a field that is not hop-by-hop"))
        dropped = _HOP_BY_HOP | _TELLTALE | options
        self.headers = [
            (name, value)
            for name, value in head.headers
            if (lower := name.lower()) not in dropped
            and lower != "host"
            and lower != "content-length"
            and not lower.startswith("x-shoal-")
        ]
        login = head.get("authorization")
        self.connection_login = login is not None and login[:5].lower() in ("ntlm ", "negot")

    @property
    def authority(self) -> str:
        return self.host if self.port == 80 else f"{self.host}:{self.port}"

    def encode(self, forward_to: Proxy | None) -> bytes:
        """The head for a proxy that forwards, or with None for the target itself at the end of a tunnel."""
        headers = [("Host", self.authority), *self.headers]
        if self.body.framing is Framing.CHUNKED:
            headers.append(("Transfer-Encoding", "chunked"))
        elif self.body.framing is Framing.LENGTH:
            headers.append(("Content-Length", str(self.body.length)))
        if self.upgrade is not None:
            headers += [("Connection", "Upgrade"), ("Upgrade", self.upgrade)]
        if forward_to is None:
            return encode_request_head(self.method, self.path, headers)
        credentials = forward_to.credentials
        if credentials is not None:
            login = basic_credentials(credentials.username, credentials.password)
            headers.append(("Proxy-Authorization", login))
        return encode_request_head(self.method, f"http://{self.authority}{self.path}", headers)


class Refused(Exception):
    """The request is answered by us."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.text)


def _split(head: RequestHead) -> tuple[str, int, str]:
    hosts = head.get_all("host")
    if len(hosts) > 1 or (not hosts and head.version == "1.1"):
        raise Refused(Refusal(400, "malformed", "a request has exactly one Host header"))
    match = _ABSOLUTE.fullmatch(head.target)
    if match is None:
        raise Refused(
            Refusal(400, "not_a_proxy_request", "this is a proxy: set it as HTTP_PROXY instead of opening it as a page")
        )
    scheme, place, path = match.groups()
    if scheme.lower() not in ("http", "ws"):
        words = "use CONNECT for https" if scheme.lower() in ("https", "wss") else f"{scheme[:20]} is not supported"
        raise Refused(Refusal(400, "not_supported", f"only http can be sent in absolute form: {words}"))
    host, port = split_authority(place, 80)
    if not path.startswith("/"):
        path = "/" + path
    return host, port, path


def connect_target(head: RequestHead) -> tuple[str, int]:
    """Host and port of a CONNECT request. Raises ``Refused``."""
    if len(head.get_all("host")) > 1:
        raise Refused(Refusal(400, "malformed", "a request has exactly one Host header"))
    if head.get("content-length") not in (None, "0") or head.get("transfer-encoding") is not None:
        raise Refused(Refusal(400, "malformed", "CONNECT has no body"))
    return split_authority(head.target, None)


def split_authority(text: str, default_port: int | None) -> tuple[str, int]:
    """Host (brackets kept) and port of ``host:port``. Raises ``Refused``."""
    match = _AUTHORITY.fullmatch(text)
    if match is None or (match[2] is None and default_port is None):
        raise Refused(Refusal(400, "malformed", "the target is not HOST:PORT"))
    return match[1], int(match[2]) if match[2] else default_port or 0


def _connection_options(head: RequestHead) -> frozenset[str]:
    value = head.get_all("connection")
    if not value:
        return frozenset()
    return frozenset(option.strip(" \t").lower() for text in value for option in text.split(","))


def _proxy_options(head: RequestHead) -> frozenset[str]:
    value = head.get("proxy-connection")
    return frozenset() if value is None else frozenset(option.strip(" \t").lower() for option in value.split(","))


def basic_login(head: RequestHead) -> tuple[str, str] | None:
    """User name and password of Proxy-Authorization, None where there is none that we understand."""
    value = head.get("proxy-authorization")
    if value is None or value[:6].lower() != "basic ":
        return None
    try:
        text = b64decode(value[6:].strip(" "), validate=True).decode("utf-8", "replace")
    except ValueError:
        return None
    name, _, password = text.partition(":")
    return name, password


def check_protocol(error: RemoteProtocolError) -> Refusal:
    """What a client is told about a head that cannot be read."""
    if error.refusal == "limit":
        return Refusal(431, "too_large", str(error))
    return Refusal(400, "malformed", str(error))
