"""Parameters of the gateway as the trade writes them: in the user name, in the password, in request headers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from msgspec import Struct

from shoal.domain import Query
from shoal.errors import InvalidQueryError
from shoal.policy.query_text import parse_query

TEXT_LIMIT: Final = 512
"""Characters of all parameters together: a SOCKS5 user name has 255 bytes at most (RFC 1929)."""

SESSION_PATTERN: Final = "[A-Za-z0-9_.]{1,64}"
_LIFETIME: Final = re.compile(r"([0-9]{1,6})([smhd]?)", re.ASCII)
_UNITS: Final = {"s": 1.0, "": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LIFETIME_LIMIT: Final = 604_800.0
"""Seconds: a week, what vendors allow at most."""


class Strategy(StrEnum):
    """How one is chosen among those that fit."""

    FORECAST = "forecast"
    """By the chance that it works now; the default."""
    LATENCY = "latency"
    """The fastest of a few drawn by forecast."""
    RANDOM = "random"
    """Every one that fits alike."""
    LEAST = "least"
    """The one with the fewest connections of a few drawn by forecast."""


class GatewayParams(Struct, frozen=True):
    """What a client asks of the gateway beside its target."""

    query: Query = Query()
    session: str | None = None
    lifetime: float | None = None
    """Seconds after which the session gets another proxy."""
    strict: bool = False
    """Fail instead of switching to another proxy within a session."""
    strategy: Strategy = Strategy.FORECAST


NO_PARAMS: Final = GatewayParams()

_QUERY_KEYS: Final = {
    "country": "country", "cc": "country", "cy": "country",
    "asn": "asn",
    "scheme": "scheme", "protocol": "scheme",
    "anonymity": "anonymity", "anon": "anonymity",
    "honesty": "honesty",
    "source": "source", "tag": "tag", "trust": "trust",
    "target": "target",
    "maxlatency": "max_latency_ms", "max_latency": "max_latency_ms", "max_latency_ms": "max_latency_ms",
    "minforecast": "min_forecast", "min_forecast": "min_forecast",
    "maxage": "max_age", "max_age": "max_age",
    "exclude": "exclude",
}  # fmt: skip
_OWN_KEYS: Final = {
    "session": "session", "sessid": "session", "sid": "session",
    "lifetime": "lifetime", "sesstime": "lifetime", "sessionduration": "lifetime", "sessionttl": "lifetime",
    "ttl": "lifetime",
    "strategy": "strategy",
}  # fmt: skip
_FLAGS: Final = {
    "strict": "strict", "const": "strict", "oneip": "strict", "norotate": "strict",
    "rotate": "rotate",
}  # fmt: skip
_STRICT_SESSIONS: Final = frozenset({"hardsession", "sessid_oneip", "session_iplock"})
_LONG: Final = frozenset({"target", "exclude", "source", "tag"})
"""Their values may hold hyphens."""
_UNKNOWN_PLACES: Final = frozenset({"city", "ct", "state", "st", "zip", "isp", "os", "region"})
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})
_KEYS: Final = frozenset({*_QUERY_KEYS, *_OWN_KEYS, *_FLAGS, *_STRICT_SESSIONS})

HEADER_PREFIX: Final = "x-shoal-"


def split_username(text: str, users: Collection[str]) -> tuple[str, str]:
    """The name and its parameters: the longest of ``users`` that the text begins with, else up to the first hyphen.

    Names may hold hyphens, so only a known name tells for sure where the parameters begin. Where there are no users, a
    text that begins with a parameter is all parameters: ``country-us-session-a`` means what it says.
    """
    best = ""
    for user in users:
        if len(user) > len(best) and (text == user or text.startswith(user + "-")):
            best = user
    if best:
        return best, text[len(best) + 1 :]
    name, _, rest = text.partition("-")
    if not users and _known_key(name.lower()):
        return "", text
    return name, rest


def password_ends(text: str) -> list[int]:
    """Where a password may end and ``_key-value`` parameters begin, first place first; none for a plain password."""
    return [
        match.start()
        for match in re.finditer("_", text)
        if _known_key(text[match.end() :].partition("-")[0].partition("_")[0].lower())
    ][:8]


def _known_key(word: str) -> bool:
    return word in _KEYS


def hyphen_pairs(text: str) -> list[tuple[str, str]]:
    """Names and values of ``country-us-session-abc-strict``. Raises InvalidQueryError."""
    if len(text) > TEXT_LIMIT:
        raise InvalidQueryError("username", f"the parameters have {TEXT_LIMIT} characters at most")
    words = text.split("-") if text else []
    pairs: list[tuple[str, str]] = []
    place = 0
    while place < len(words):
        key = words[place].lower()
        _check_key(key)
        place += 1
        if key in _FLAGS:
            value = "1"
            if place < len(words) and words[place].lower() in _YES | _NO:
                value = words[place]
                place += 1
            pairs.append((key, value))
            continue
        end = place + 1
        while key in _LONG and end < len(words) and words[end].lower() not in _KEYS:
            end += 1
        value = "-".join(words[place:end])
        if not value:
            raise InvalidQueryError(key, f"{key} needs a value: {key}-VALUE")
        pairs.append((key, value))
        place = end
    return pairs


def underscore_pairs(text: str) -> list[tuple[str, str]]:
    """Names and values of ``country-us_session-abc``, the password form. Raises InvalidQueryError."""
    pairs = []
    for part in text.split("_") if text else []:
        pairs += hyphen_pairs(part)
    return pairs


def header_pairs(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names and values of ``X-Shoal-…`` request headers. Raises InvalidQueryError for unknown ones."""
    pairs = []
    for name, value in headers:
        lower = name.lower()
        if lower.startswith(HEADER_PREFIX):
            key = lower[len(HEADER_PREFIX) :].replace("-", "_")
            _check_key(key)
            pairs.append((key, value))
    return pairs


def read_params(pairs: Iterable[tuple[str, str]]) -> GatewayParams:
    """Parameters from names and values. Raises InvalidQueryError whose text says what is allowed."""
    query: list[tuple[str, str]] = []
    own: dict[str, str] = {}
    strict = False
    for key, value in pairs:
        key = key.lower()
        _check_key(key)
        if key in _QUERY_KEYS:
            query.append((_QUERY_KEYS[key], value))
            continue
        if key in _FLAGS:
            name, wanted = _FLAGS[key], _flag(key, value)
            if name == "strict":
                strict = strict or wanted
            elif wanted:
                own["rotate"] = key
            continue
        name = "session" if key in _STRICT_SESSIONS else _OWN_KEYS[key]
        strict = strict or key in _STRICT_SESSIONS
        if own.get(name, value) != value:
            raise InvalidQueryError(key, f"{name} is given twice with different values")
        own[name] = value
    session = own.get("session")
    if session is not None and re.fullmatch(SESSION_PATTERN, session, re.ASCII) is None:
        raise InvalidQueryError("session", "session takes 1 to 64 letters, digits, dots and underscores")
    if "rotate" in own and session is not None:
        raise InvalidQueryError("rotate", "rotate and session contradict each other: leave one out")
    if session is None and (strict or "lifetime" in own):
        word = "strict" if strict else "lifetime"
        raise InvalidQueryError(word, f"{word} needs a session: session-NAME")
    if not query and not own and not strict:
        return NO_PARAMS
    return GatewayParams(parse_query(query), session, _lifetime(own.get("lifetime")), strict, _strategy(own))


def _check_key(key: str) -> None:
    if key in _KEYS:
        return
    shown = repr(key[:40])
    if key in _UNKNOWN_PLACES:
        raise InvalidQueryError("parameter", f"{shown} is not known of proxies here; country and asn are")
    close = get_close_matches(key, _KEYS, 1) if len(key) <= 40 else []
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(NAMES)}"
    raise InvalidQueryError("parameter", f"unknown parameter {shown}; {hint}")


def _flag(key: str, value: str) -> bool:
    word = value.strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise InvalidQueryError(key, f"{key} is 1 or 0")


def _lifetime(text: str | None) -> float | None:
    if text is None:
        return None
    match = _LIFETIME.fullmatch(text.lower())
    seconds = 0.0 if match is None else int(match[1]) * _UNITS[match[2]]
    if not 1.0 <= seconds <= _LIFETIME_LIMIT:
        raise InvalidQueryError("lifetime", "lifetime is minutes, or a time such as 30s, 10m, 2h, 1d, a week at most")
    return seconds


def _strategy(own: dict[str, str]) -> Strategy:
    word = own.get("strategy")
    if word is None:
        return Strategy.FORECAST
    try:
        return Strategy(word.lower())
    except ValueError:
        raise InvalidQueryError("strategy", f"strategy is one of {', '.join(Strategy)}") from None


NAMES: Final = tuple(
    dict.fromkeys(("country", "session", "lifetime", "strict", "rotate", "strategy", *_QUERY_KEYS.values()))
)
"""The names that are shown to users; aliases are left out."""
