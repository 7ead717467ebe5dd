"""What identifies one proxy: endpoint, credentials, scheme; and its spelling as a URL."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote

from msgspec import Struct

from shoal.domain.scheme import Scheme


class Endpoint(Struct, frozen=True, order=True, gc=False):
    """Host (canonical, see ``address.canonical_host``) and port of a listener."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Credentials(Struct, frozen=True, gc=False):
    """User and password *for the proxy*. Printing one never shows the password."""

    username: str
    password: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, '***')"

    __str__ = __repr__

    @property
    def userinfo(self) -> str:
        """``user:password`` percent-encoded for a URL."""
        return f"{_quoted(self.username)}:{_quoted(self.password)}"


class Proxy(Struct, frozen=True, gc=False):
    """One way in: how to speak to whom, as whom."""

    scheme: Scheme
    endpoint: Endpoint
    credentials: Credentials | None = None

    def url(self, *, secrets: bool = False) -> str:
        """``scheme://[user:password@]host:port``; without ``secrets`` the password is written ``***``."""
        return proxy_url(self.scheme, self.endpoint, self.credentials, secrets=secrets)

    def __str__(self) -> str:
        return self.url()


def proxy_url(scheme: Scheme, endpoint: Endpoint, credentials: Credentials | None, *, secrets: bool = False) -> str:
    """A proxy's URL; without ``secrets`` the password is written ``***``."""
    if credentials is None:
        return f"{scheme.value}://{endpoint}"
    if secrets:
        return f"{scheme.value}://{credentials.userinfo}@{endpoint}"
    return f"{scheme.value}://{_quoted(credentials.username)}:***@{endpoint}"


def record_key(endpoint: Endpoint, credentials: Credentials | None, secret: bytes) -> str:
    """What makes two entries one record: ``host:port`` or ``user:digest@host:port``.

    Vendors put sessions into user names and passwords, so each pair is a way in of its own; the password enters only as
    a digest keyed with the installation's ``secret``, so that no key, log or backup gives it away.
    """
    if credentials is None:
        return str(endpoint)
    # JSON may spell half a surrogate pair, which plain UTF-8 cannot.
    password = credentials.password.encode(errors="surrogatepass")
    mac = hmac.new(secret, password, hashlib.sha256).hexdigest()[:16]
    return f"{_quoted(credentials.username)}:{mac}@{endpoint}"


def record_id(key: str) -> str:
    """The opaque name of a record in URLs: 16 hexadecimal digits of its key's BLAKE2 digest."""
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")
