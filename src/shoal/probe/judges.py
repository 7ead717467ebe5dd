"""Judges as values: where they are, what kind they are and how one is written in a setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from shoal.domain import Refused, Trust
from shoal.domain.address import canonical_host, is_ip
from shoal.errors import ConfigError
from shoal.options import JudgeOptions

JudgeKind = Literal["shoal", "httpbin", "azenv", "plain", "trace"]
"""How a judge answers: ours, httpbin's ``/get``, an AZ Environment page, a bare address, Cloudflare's trace."""

_KINDS: Final = get_args(JudgeKind)


class Judge(Struct, frozen=True):
    """One endpoint that echoes what reached it. ``url`` is safe to show: the key is not in it."""

    url: str
    kind: JudgeKind
    host: str
    port: int
    tls: bool
    path: str
    """Path and query as they are asked for; for our own kind without the query."""
    key: bytes | None = None
    own: bool = True
    named: bool = False
    """The host is a name, which somebody has to resolve."""
    guessed: bool = False
    """The kind was told from the path, and may be corrected by what the answer looks like."""

    @property
    def authority(self) -> str:
        """Host and port as a Host header writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Judge({self.url!r}, {self.kind!r})"


# Well-known services that have answered for years; each is asked within ``JudgeOptions.public_rate``.
PUBLIC_JUDGES: Final = (
    "http://httpbin.org/get",
    "https://httpbin.org/get",
    "http://azenv.net/#kind=azenv",
    "https://one.one.one.one/cdn-cgi/trace",
    "https://www.cloudflare.com/cdn-cgi/trace",
    "http://checkip.amazonaws.com/#kind=plain",
    "http://api.ipify.org/#kind=plain",
)


def parse_judge(text: str, own: bool = True) -> Judge:
    """A judge from ``URL[#key=…&kind=…]``. Raises ``ConfigError`` with a sentence for people."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ConfigError(
            f"judge: {_shown(text)!r} is not a URL; write it like http://judge.example:8000/check/"
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"judge: {_shown(text)!r} is not an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ConfigError("judge: user and password in a judge's URL are not supported; use '#key=…' to share a key")
    host = canonical_host(parts.hostname)
    if isinstance(host, Refused):
        raise ConfigError(f"judge: {parts.hostname!r} is not a host name or address")
    if port == 0:
        raise ConfigError(f"judge: port 0 of {_shown(text)!r} cannot be reached")
    extras = dict(parse_qsl(parts.fragment, keep_blank_values=True))
    if unknown := sorted(set(extras) - {"key", "kind"}):
        raise ConfigError(f"judge: '#{unknown[0]}' is not understood; only '#key=…' and '#kind=…' are")
    kind = extras.get("kind", "")
    if kind and kind not in _KINDS:
        raise ConfigError(f"judge: kind {kind!r} does not exist; choose one of {', '.join(_KINDS)}")
    if extras.get("key") == "":
        raise ConfigError(f"judge: the key of {_shown(text)!r} is empty")
    key = extras["key"].encode() if "key" in extras else None
    path = parts.path or "/"
    # Only our own kind signs, so a key names it.
    found = kind or ("shoal" if key is not None else _kind_of_path(path))
    if key is not None and found != "shoal":
        raise ConfigError(f"judge: a {found} judge signs nothing; leave out the key, or add '&kind=shoal'")
    if not (path + parts.query).isascii() or any(c.isspace() for c in path + parts.query):
        raise ConfigError(f"judge: percent-encode the path of {_shown(text)!r}")
    tls = parts.scheme == "https"
    if found == "shoal" and path == "/":
        path = "/check/"
    full = path if not parts.query else f"{path}?{parts.query}"
    netloc = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{netloc}{'' if port is None else f':{port}'}{full}"
    return Judge(
        url,
        _kind(found),
        host,
        port or (443 if tls else 80),
        tls,
        full,
        key,
        own,
        named=not is_ip(host),
        guessed=not kind and key is None,
    )


def public_judges() -> tuple[Judge, ...]:
    """The built-in ones."""
    return tuple(parse_judge(text, own=False) for text in PUBLIC_JUDGES)


def chosen_judges(options: JudgeOptions, refusal: Callable[[str, Trust], Refused | None]) -> tuple[Judge, ...]:
    """The user's own judges first; the public ones where none is named or ``judge.public`` asks for them.

    Raises ``ConfigError`` with a sentence for each that cannot be used.
    """
    judges: list[Judge] = []
    problems: list[str] = []
    for text in dict.fromkeys(options.urls):
        try:
            judge = parse_judge(text)
        except ConfigError as error:
            problems += error.problems
            continue
        why = refusal(judge.host, Trust.OWN)
        if why is not None:
            problems.append(
                f"judge {judge.url} is at a {why.value.replace('_', '-')} address; "
                f"add --allow with its network if it is yours"
            )
        judges.append(judge)
    if problems:
        raise ConfigError(*problems)
    if options.public or (options.public is None and not judges):
        judges += public_judges()
    return tuple(judges)


def _kind(text: str) -> JudgeKind:
    for kind in get_args(JudgeKind):
        if kind == text:
            return kind  # type: ignore[no-any-return]
    raise ValueError(text)


def _kind_of_path(path: str) -> JudgeKind:
    if path in ("/", "/check", "/check/"):
        return "shoal"
    if path == "/get":
        return "httpbin"
    if "azenv" in path:
        return "azenv"
    return "trace" if path.endswith("/cdn-cgi/trace") else "plain"


def _shown(text: str) -> str:
    # A fragment may hold a key.
    return text.partition("#")[0][:100]
