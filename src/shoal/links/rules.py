"""Which addresses a short link may lead to, and their one spelling."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from shoal.errors import InvalidQueryError

URL_LIMIT: Final = 8_192
"""Characters: what common servers and browsers take as an address."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST_AND_PORT: Final = re.compile(r"[^/?#:]+:[0-9]{1,5}(?=[/?#]|$)")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\<>\"\ud800-\udfff]")
"""Controls and spaces end up in headers; browsers read a backslash as a slash; the rest no URL may hold as it is."""
_LABEL: Final = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_LABELS: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_IPV6: Final = re.compile(r"[0-9a-f:.]{2,45}")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_KEPT: Final = "/?#[]@!$&'()*+,;=:%~-._"


def check_url(
    text: str, *, own: Collection[str] = (), own_ports: Collection[int] = (), allowed: Collection[str] = ()
) -> str:
    """The address in its one spelling, ASCII, ``https`` where it names no scheme.

    ``own`` are the hosts of this service and ``own_ports`` its ports on this machine, to which no link may lead back;
    ``allowed`` bounds the hosts (and their subdomains) where it is not empty. Raises InvalidQueryError.
    """
    text = text.strip(" ")
    if not 1 <= len(text) <= URL_LIMIT:
        raise _wrong(f"url has 1 to {URL_LIMIT} characters")
    if _UNSAFE.search(text):
        raise _wrong("url has a character that no address may hold; percent-encode it")
    if _SCHEME.match(text) is None or _HOST_AND_PORT.match(text):
        text = f"https://{text.removeprefix('//')}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _wrong("url is no valid address") from None
    if parts.scheme not in ("http", "https"):
        raise _wrong("only http and https addresses can be shortened")
    if "@" in parts.netloc:
        raise _wrong("an address with a user or password is not shortened: who follows it would be misled or told it")
    if port == 0:
        raise _wrong("url is no valid address")
    host = _host(parts.hostname or "")
    default = {"http": 80, "https": 443}[parts.scheme]
    if host in own or (is_this_machine(host) and (port or default) in own_ports):
        raise _wrong("a link may not lead back to this service")
    if allowed and not any(host == one or host.endswith(f".{one}") for one in allowed):
        raise _wrong("links to this host are not allowed here (api.link_hosts)")
    netloc = f"[{host}]" if ":" in host else host
    if port is not None and port != default:
        netloc = f"{netloc}:{port}"
    shown = urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, parts.fragment))
    spelled = quote(shown, safe=_KEPT)
    if len(spelled) > 2 * URL_LIMIT:
        raise _wrong("url is too long once it is percent-encoded")
    return spelled


def is_this_machine(host: str) -> bool:
    """Whether a host, in the spelling of ``check_url`` or not, always means the machine that asks."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def _host(host: str) -> str:
    host = host.rstrip(".").lower()
    if ":" in host and _IPV6.fullmatch(host):
        return host
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _wrong("url names a host that cannot exist") from None
    if _LABELS.fullmatch(name) is None:
        raise _wrong("url names a host that cannot exist")
    # Browsers read every host that ends in a number as an address, in half a dozen spellings (WHATWG URL, section 3.5).
    if _NUMBER.fullmatch(name.rpartition(".")[2]) and _IPV4.fullmatch(name) is None:
        raise _wrong("url names an address in a spelling that nobody can read; write it as four numbers")
    return name


def _wrong(message: str) -> InvalidQueryError:
    return InvalidQueryError("url", message)
