"""One proxy in any of the plain spellings. Pure text work: nothing is looked up and no range is judged here."""

from __future__ import annotations

import re
from urllib.parse import unquote

from shoal.domain import Candidate, Credentials, Endpoint, Refused, Scheme
from shoal.domain.address import canonical_host, ipv4_number
from shoal.errors import InvalidProxyError
from shoal.sources.extract.escapes import from_base64
from shoal.sources.extract.labels import SCHEMES, country_code, scheme_words

TEXT_LIMIT = 200
"""Characters of an entry that are kept for people; the longest valid host name with port fits."""
SECRET_LIMIT = 255
"""RFC 1929: user and password of SOCKS5 are at most 255 bytes each; vendors stay below it for HTTP as well."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):/{2,3}")
_SHORT = re.compile(r"(https?|socks[45]?[ah]?):(?=\d{1,3}\.\d|\[)", re.IGNORECASE)
"""``socks5:192.0.2.1:1080``: a label rather than a scheme, so HTTPS means what the label means."""
_DOTTED = re.compile(
    r"\d+(?:\.\d+)+|0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-FxX]+)*|(?:0[xX][0-9a-fA-F]+|\d+)(?:\.(?:0[xX][0-9a-fA-F]+|\d+)){3}"
)
_NAME = re.compile(r"(?:[\w-]+\.)+(?:[^\W\d_]{2,}|xn--[\w-]+)\.?")
_BRACKETED = re.compile(r"(\[[0-9A-Fa-f:.%\w]*\])(?::(.*))?", re.DOTALL)
_TAIL = re.compile(r"[/?#|,;\s]")
_FILE = re.compile(
    r".*\.(?:js|ts|java|json|html?|txt|css|go|cpp|hpp|cs|php|log|xml|ya?ml|exe|dll|toml|jsx|tsx|kt|mjs|vue|scss|lua|rb|swift"
    r"|conf|cfg|ini|csv|png|jpe?g|gif|svg)|[^.]+\.(?:py|rs|sh|md)",
    re.IGNORECASE,
)
"""Names of files with a line number look like hosts with a port; none of these endings is a top-level domain, and the
last four are believed to be one only where more than a name stands in front."""
_PATH = re.compile(r"^\d+/[\w.~%-]")
_QUOTES = "\"'`“”‘’«»(){}<>*,;"

_RESOLVERS = frozenset(
    (
        *("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220", "76.76.2.0"),
        *("114.114.114.114", "223.5.5.5", "223.6.6.6", "119.29.29.29", "180.76.76.76", "77.88.8.8", "94.140.14.14"),
        *("2001:4860:4860::8888", "2606:4700:4700::1111"),
    )
)
"""With port 53 these are what settings and articles name as resolvers, never proxies."""
Reading = Candidate | Refused | None
"""A proxy, why it is none, or None for text that does not even look like one."""


def clip(text: str) -> str:
    """A text bounded and without control characters, fit for logs and results."""
    return _CONTROL.sub("", text[: TEXT_LIMIT * 2].replace("\t", " ")).strip()[:TEXT_LIMIT]


def has_control(text: str) -> bool:
    """True for NULs and other control characters, tab excepted."""
    return _CONTROL.search(text.replace("\t", " ")) is not None


def port_number(text: str) -> int | None:
    """1 to 65535 in ASCII digits, or None."""
    if not (text.isascii() and text.isdigit()) or len(text) > 8:
        return None
    port = int(text)
    return port if 0 < port < 65536 else None


def is_v4(text: str) -> bool:
    """True for a dotted-decimal address in its canonical spelling."""
    return ipv4_number(text) is not None


def is_host(text: str, *, names: bool = True) -> bool:
    """True when the text has the shape of an address or, with ``names``, of a dotted name."""
    if _DOTTED.fullmatch(text) or (names and _NAME.fullmatch(text)):
        return True
    return text.count(":") >= 2 and isinstance(canonical_host(text), str)


def build(
    host: str,
    port: str,
    *,
    scheme: Scheme | None = None,
    credentials: Credentials | None = None,
    country: str | None = None,
    text: str = "",
) -> Candidate | Refused:
    """A candidate from its parts, or why they are none."""
    name = canonical_host(host)
    if isinstance(name, Refused):
        return name
    number = port_number(port)
    if number is None:
        return Refused.BAD_PORT
    if number == 53 and name in _RESOLVERS:
        return Refused.MALFORMED
    if credentials is not None and not _sound(credentials):
        return Refused.MALFORMED
    return Candidate(Endpoint(name, number), scheme, credentials, country, clip(text or f"{host}:{port}"))


def _sound(credentials: Credentials) -> bool:
    both = credentials.username + credentials.password
    if _CONTROL.search(both):
        return False
    return len(credentials.username) <= SECRET_LIMIT and len(credentials.password) <= SECRET_LIMIT


def credentials_of(userinfo: str) -> Credentials:
    """``user:password`` of a URL, percent-decoded, or both packed in base64."""
    username, colon, password = userinfo.partition(":")
    if not colon and len(username) > 7 and (inner := from_base64(unquote(username))) and ":" in inner.strip(":"):
        # As share links write them.
        username, _, password = inner.partition(":")
        return Credentials(username, password)
    return Credentials(unquote(username), unquote(password))


def claimed(word: str, default: Scheme | None) -> Scheme | None:
    """The scheme before ``://``; for ``socks`` the source's own claim when that is a SOCKS version."""
    scheme = SCHEMES[word]
    if scheme is None and default is not None and default.is_socks:
        return default
    return scheme


def read_token(token: str, scheme: Scheme | None = None, *, names: bool = True, text: str = "") -> Reading:
    """One word of a list as a proxy. ``names`` admits host names that no scheme introduces."""
    shown = text or token
    reading = _read(token, scheme, names, shown)
    if isinstance(reading, Candidate):
        return reading
    bare = token.strip(_QUOTES).rstrip(".")
    if bare.startswith("[") and not _BRACKETED.fullmatch(bare):
        bare = bare.strip("[]").strip(_QUOTES)
    if bare == token or not bare:
        return reading
    return _read(bare, scheme, names, shown)


def read_scheme(token: str) -> str:
    """What stands before ``://`` at the start, or nothing."""
    match = _SCHEME.match(token)
    return match[1].lower() if match else ""


def _read(token: str, scheme: Scheme | None, names: bool, text: str) -> Reading:
    match = _SCHEME.match(token)
    if match is None:
        short = _SHORT.match(token)
        if short is not None:
            labels = scheme_words(short[1])
            return _authority(token[short.end() :], labels[0] if labels else scheme, names, text)
        return _authority(token, scheme, names, text)
    word = match[1].lower()
    reading = _authority(token[match.end() :], claimed(word, scheme) if word in SCHEMES else scheme, True, text, word)
    if word not in SCHEMES and reading is not None:
        return Refused.MALFORMED
    return reading


def _authority(rest: str, scheme: Scheme | None, names: bool, text: str, word: str = "") -> Reading:
    if word and "@" not in rest and ":" not in rest and "." not in rest:
        # Share links that pack all of it, what follows the sign being a name for people.
        inner = from_base64(unquote(_TAIL.split(rest, maxsplit=1)[0]))
        rest = inner.strip() if inner is not None and ":" in inner else rest
    if "@" in rest:
        left, _, right = rest.rpartition("@")
        parts = rest.split(":")
        if left.count(":") > 1 and len(parts) > 3 and _sign_in_secret(parts, right):
            return _four_parts(parts, scheme, names, text)
        found = _endpoint(right, names or ":" in left, text, bool(word))
        if found is not None:
            if isinstance(found, Refused):
                return found
            return build(*found[:2], scheme=scheme, credentials=credentials_of(left) if left else None, text=text)
        return _endpoint_first(left, right, scheme, names, text)
    if rest.startswith("["):
        return _bracketed(rest, scheme, text)
    parts = rest.split(":")
    if len(parts) < 4:
        found = _endpoint(rest, names, text, bool(word))
        if found is None or isinstance(found, Refused):
            return found
        host, port, extra = found
        schemes = scheme_words(extra) if extra else None
        return build(host, port, scheme=schemes[0] if schemes else scheme, country=country_code(extra), text=text)
    return _four_parts(parts, scheme, names, text)


def _sign_in_secret(parts: list[str], right: str) -> bool:
    """True for ``host:port:user:password`` with an ``@`` in the user or the password."""
    if not is_v4(parts[0]) or port_number(parts[1]) is None or is_v4(parts[-2].rpartition("@")[2]):
        return False
    return scheme_words(right) is None


def _endpoint_first(left: str, right: str, scheme: Scheme | None, names: bool, text: str) -> Reading:
    """``host:port@HTTP#place`` and ``host:port@user:password``."""
    found = _endpoint(left, names, text, False)
    if found is None or isinstance(found, Refused):
        return found
    host, port, _ = found
    schemes = scheme_words(right)
    if schemes is not None:
        return build(host, port, scheme=schemes[0] if schemes else scheme, text=text)
    return build(host, port, scheme=scheme, credentials=credentials_of(right) if ":" in right else None, text=text)


def _endpoint(rest: str, names: bool, text: str, named: bool) -> tuple[str, str, str] | Refused | None:
    """Host, port and what follows a third colon. ``named``: a scheme stood before, so any host is meant as one."""
    if rest.startswith("["):
        match = _BRACKETED.fullmatch(rest)
        if match is None:
            return Refused.BAD_ADDRESS if named else None
        return match[1], _TAIL.split(match[2] or "", maxsplit=1)[0], ""
    host, colon, tail = rest.partition(":")
    if not colon:
        return Refused.BAD_PORT if named and _DOTTED.fullmatch(host.rstrip("/")) else None
    port, _, extra = tail.partition(":")
    if named and _PATH.search(port):
        # A link to some page, not a proxy.
        return Refused.MALFORMED if _DOTTED.fullmatch(host) else None
    port = _TAIL.split(port, maxsplit=1)[0]
    if _DOTTED.fullmatch(host):
        return host, port, extra
    if extra and not named:
        return None
    # "example.com:abc" is prose; "example.com:8O80" was meant as a port.
    if (named or (names and _NAME.fullmatch(host) and not _FILE.fullmatch(host))) and port[:1].isdigit():
        return host, port, extra
    return None


def _bracketed(rest: str, scheme: Scheme | None, text: str) -> Reading:
    match = _BRACKETED.fullmatch(rest)
    if match is None or match[1].count(":") < 2:
        return None
    tail = match[2]
    if tail is None:
        return Refused.BAD_PORT
    port, _, secret = tail.partition(":")
    if not secret:
        return build(match[1], _TAIL.split(port, maxsplit=1)[0], scheme=scheme, text=text)
    username, _, password = secret.partition(":")
    return build(match[1], port, scheme=scheme, credentials=Credentials(username, password), text=text)


def _four_parts(parts: list[str], scheme: Scheme | None, names: bool, text: str) -> Reading:
    """``host:port:user:password`` or ``user:password:host:port``; a password may hold colons."""
    leading = _pair(parts[0], parts[1])
    trailing = _pair(parts[-2], parts[-1].rstrip("/"))
    if leading and trailing and is_v4(parts[-2]) and not is_v4(parts[0]):
        leading = False
    if leading and (names or _DOTTED.fullmatch(parts[0])):
        secret = Credentials(parts[2], ":".join(parts[3:])) if parts[2] else None
        return build(parts[0], parts[1], scheme=scheme, credentials=secret, text=text)
    if trailing and (names or _DOTTED.fullmatch(parts[-2])) and parts[0]:
        secret = Credentials(parts[0], ":".join(parts[1:-2]))
        return build(parts[-2], parts[-1].rstrip("/"), scheme=scheme, credentials=secret, text=text)
    # An IPv6 address without brackets: its last group and a port cannot be told apart.
    return Refused.MALFORMED if is_host(":".join(parts), names=False) else None


def _pair(host: str, port: str) -> bool:
    if _DOTTED.fullmatch(host):
        return host.count(".") >= 3 or host[:2].lower() == "0x"
    return _NAME.fullmatch(host) is not None and not _FILE.fullmatch(host) and port.isascii() and port.isdigit()


_SENTENCES = {
    Refused.MALFORMED: "{!r} names no proxy: write scheme://user:password@host:port or host:port",
    Refused.BAD_ADDRESS: "{!r} has no valid address: write four numbers from 0 to 255, [IPv6] or a host name",
    Refused.BAD_PORT: "{!r} has no usable port: write a number from 1 to 65535 after the host",
    Refused.TOO_LONG: "{!r}... is longer than any proxy entry: write one proxy per line",
}


def parse_entry(text: str, scheme: Scheme | None = None) -> Candidate:
    """One entry in any of the plain spellings; ``scheme`` is taken where the entry does not say.

    Raises ``InvalidProxyError`` whose ``reason`` is a ``Refused`` value.
    """
    entry = text.strip().strip("﻿").replace("：", ":")
    reading: Reading
    if len(entry) > 2048:
        reading = Refused.TOO_LONG
    elif has_control(entry):
        reading = Refused.MALFORMED
    else:
        reading = _single(entry, scheme)
    if isinstance(reading, Candidate):
        return reading
    reason = reading or Refused.MALFORMED
    raise InvalidProxyError(reason.value, _SENTENCES[reason].format(clip(hide_secret(entry))))


def _single(entry: str, scheme: Scheme | None) -> Reading:
    fields = entry.split()
    if len(fields) == 2:
        return build(fields[0], fields[1], scheme=scheme, text=entry)
    reading = read_token(entry, scheme)
    if reading is None:
        host, colon, port = entry.partition(":")
        # A user who names one proxy may well mean a host of their own network.
        if colon and re.fullmatch(r"[\w-]+", host) and port[:1].isdigit():
            return build(host, port, scheme=scheme, text=entry)
        if _DOTTED.fullmatch(entry) or _NAME.fullmatch(entry):
            return Refused.BAD_PORT
    return reading


def hide_secret(entry: str) -> str:
    """The entry without what may be a password, for messages."""
    return re.sub(r"^((?:[a-z0-9]+://)?)[^\s@]*@", r"\1***@", entry, flags=re.IGNORECASE)
