"""Queries as text: the same words in a URL, on the command line and in a saved link."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final, TypeVar

from shoal.domain import Anonymity, Capability, Honesty, Order, Query, Scheme, Trust
from shoal.domain.query import DANGEROUS
from shoal.errors import InvalidQueryError

VALUE_LIMIT: Final = 8192
"""Characters of one value: room for some four hundred excluded addresses."""
LIST_LIMIT: Final = 500
"""Entries of one list."""
EXCLUDE_LIMIT: Final = 300
"""Entries of ``exclude``: as many ``HOST:PORT`` as fit into one value."""

NAME_PATTERN: Final = r"[^,!\x00-\x20\x7f][^,\x00-\x1f\x7f]{0,199}"
"""Names of sources and tags."""
COUNTRY_PATTERN: Final = "[A-Za-z]{2}"
ASN_PATTERN: Final = "(?:[Aa][Ss])?[0-9]{1,10}"
TARGET_PATTERN: Final = r"(?:https?://[!$-~]{1,2000}|[A-Za-z0-9._:\[\]-]{1,260})"
"""Name of a target, HOST, HOST:PORT or URL."""
EXCLUDE_PATTERN: Final = r"[A-Za-z0-9._:\[\]-]{1,260}"
VANTAGE_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
AGE_PATTERN: Final = r"[0-9]{1,9}(?:\.[0-9]{1,6})?[smhd]?"

_NUMBER: Final = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_E = TypeVar("_E", bound=StrEnum)


def parse_query(
    params: Iterable[tuple[str, str]], *, fields: Collection[str] | None = None, limit_max: int | None = None
) -> Query:
    """A Query from name and value pairs.

    Lists are separated by commas or repeated, ``!`` before a word means 'not'. ``fields`` narrows which of ``FIELDS``
    are understood. Raises InvalidQueryError, whose text says what is allowed, for an unknown name or a bad value.
    """
    known = FIELDS if fields is None else fields
    settings: dict[str, Any] = {}
    seen: dict[str, list[str]] = {}
    for name, value in params:
        if name not in known or name not in _READERS:
            raise InvalidQueryError(name, _unknown(name, known))
        if len(value) > VALUE_LIMIT:
            raise InvalidQueryError(name, f"{name} has {VALUE_LIMIT} characters at most")
        seen.setdefault(name, []).append(value)
    for name, values in seen.items():
        if name in _SINGLE and len(values) > 1:
            raise InvalidQueryError(name, f"{name} may be given once only")
        _READERS[name](settings, name, ",".join(values))
    if limit_max is not None and settings.get("limit", 0) > limit_max:
        raise InvalidQueryError("limit", f"limit must be a whole number from 1 to {limit_max}")
    return Query(**settings)


def parse_age(text: str) -> float:
    """Seconds from ``90``, ``30s``, ``5m``, ``2h`` or ``1d``. Raises ValueError."""
    if re.fullmatch(AGE_PATTERN, text) is None:
        raise ValueError(text)
    unit = _UNITS.get(text[-1])
    return float(text) if unit is None else float(text[:-1]) * unit


def _unknown(name: str, known: Collection[str]) -> str:
    shown = name if name.isprintable() and len(name) <= 40 else "that"
    close = get_close_matches(name, known, 1) if len(name) <= 40 else []
    hint = f"did you mean {close[0]}? " if close else ""
    there_are = f"there are: {', '.join(known)}" if known else "no filters are taken here"
    return f"there is no filter {shown}; {hint}{there_are}"


def _items(name: str, text: str, allowed: str) -> list[tuple[bool, str]]:
    """Words of a list, each with whether it is wanted."""
    items = []
    for item in _split(name, text):
        item = item.strip(" ")
        wanted = not item.startswith("!")
        word = item if wanted else item[1:]
        if not word:
            raise InvalidQueryError(name, f"{name} has an empty entry; allowed: {allowed}")
        items.append((wanted, word))
    return items


def _split(name: str, text: str) -> list[str]:
    items = text.split(",")
    if len(items) > LIST_LIMIT:
        raise InvalidQueryError(name, f"{name} takes {LIST_LIMIT} entries at most")
    return items


def _enum(kind: type[_E], plural: str) -> Callable[[dict[str, Any], str, str], None]:
    def read(settings: dict[str, Any], name: str, text: str) -> None:
        allowed = f"{', '.join(kind)}, each also with ! for not"
        yes, no = _pairs(_items(name, text, allowed), lambda word: _member(kind, name, word, allowed))
        _put(settings, plural, yes, no)

    return read


def _member(kind: type[_E], name: str, word: str, allowed: str) -> _E:
    try:
        return kind(word.lower())
    except ValueError:
        raise InvalidQueryError(name, f"{name} cannot be {_shown(word)}; allowed: {allowed}") from None


def _pairs(items: list[tuple[bool, str]], convert: Callable[[str], Any]) -> tuple[frozenset[Any], frozenset[Any]]:
    return (
        frozenset(convert(word) for wanted, word in items if wanted),
        frozenset(convert(word) for wanted, word in items if not wanted),
    )


def _put(settings: dict[str, Any], plural: str, yes: frozenset[Any], no: frozenset[Any]) -> None:
    if yes:
        settings[plural] = yes
    if no:
        settings[f"not_{plural}"] = no


def _words(plural: str, pattern: str, allowed: str, convert: Callable[[str], Any] = str) -> Any:
    compiled = re.compile(pattern, re.ASCII)

    def read(settings: dict[str, Any], name: str, text: str) -> None:
        items = _items(name, text, allowed)
        for _, word in items:
            if compiled.fullmatch(word) is None:
                raise InvalidQueryError(name, f"{name} cannot be {_shown(word)}; allowed: {allowed}")
        _put(settings, plural, *_pairs(items, convert))

    return read


def _shown(word: str) -> str:
    return repr(word if len(word) <= 40 else word[:40] + "…")


def _honesty(settings: dict[str, Any], name: str, text: str) -> None:
    if text.lower() == "any":
        settings["not_honesties"] = frozenset()
        return
    _enum(Honesty, "honesties")(settings, name, text)
    # What is dangerous stays out unless it is named.
    settings["not_honesties"] = settings.get("not_honesties", frozenset()) | (
        DANGEROUS - settings.get("honesties", frozenset())
    )


def _trust(settings: dict[str, Any], name: str, text: str) -> None:
    allowed = "own, public, !own, !public"
    member = _member(Trust, name, text.removeprefix("!"), allowed)
    settings["trusts"] = frozenset(Trust) - {member} if text.startswith("!") else frozenset({member})


def _exclude(settings: dict[str, Any], name: str, text: str) -> None:
    words = [word.strip(" ") for word in _split(name, text)]
    if len(words) > EXCLUDE_LIMIT:
        raise InvalidQueryError(name, f"exclude takes {EXCLUDE_LIMIT} entries at most")
    if not all(re.fullmatch(EXCLUDE_PATTERN, word) for word in words):
        raise InvalidQueryError(name, "exclude takes ids, HOST:PORT or hosts, separated by commas")
    settings["exclude"] = frozenset(word.lower() for word in words)


def _target(settings: dict[str, Any], name: str, text: str) -> None:
    if re.fullmatch(TARGET_PATTERN, text) is None:
        raise InvalidQueryError(name, "target must be the name of a target, HOST, HOST:PORT or a URL")
    settings["target"] = text.lower()


def _vantage(settings: dict[str, Any], name: str, text: str) -> None:
    if re.fullmatch(VANTAGE_PATTERN, text) is None:
        raise InvalidQueryError(name, "vantage must be the name of a vantage point, as workers are told it")
    settings["vantage"] = text


def _number(low: float, high: float, allowed: str, *, open_low: bool = False) -> Callable[..., None]:
    def read(settings: dict[str, Any], name: str, text: str) -> None:
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not (low <= value <= high) or (open_low and value == low) or math.isinf(value):
            raise InvalidQueryError(name, f"{name} must be {allowed}")
        settings[name] = value

    return read


def _age(settings: dict[str, Any], name: str, text: str) -> None:
    try:
        settings[name] = parse_age(text)
    except ValueError:
        raise InvalidQueryError(name, f"{name} must be seconds or a time such as 30s, 5m, 2h or 1d") from None


def _limit(settings: dict[str, Any], name: str, text: str) -> None:
    if re.fullmatch("0{0,9}[1-9][0-9]{0,8}", text) is None:
        raise InvalidQueryError(name, "limit must be a whole number from 1 upwards")
    settings[name] = int(text)


def _order(settings: dict[str, Any], name: str, text: str) -> None:
    settings[name] = _member(Order, name, text, ", ".join(Order))


_READERS: Final[dict[str, Callable[[dict[str, Any], str, str], None]]] = {
    "scheme": _enum(Scheme, "schemes"),
    "capability": _enum(Capability, "capabilities"),
    "country": _words("countries", COUNTRY_PATTERN, "two-letter ISO 3166 codes such as US or !CN", str.upper),
    "asn": _words("asns", ASN_PATTERN, "numbers such as 64500 or AS64500", lambda word: int(word.lower().lstrip("as"))),
    "anonymity": _enum(Anonymity, "anonymities"),
    "honesty": _honesty,
    "source": _words("sources", NAME_PATTERN, "names of sources, each also with ! for not"),
    "tag": _words("tags", NAME_PATTERN, "tags, each also with ! for not"),
    "trust": _trust,
    "target": _target,
    "vantage": _vantage,
    "max_latency_ms": _number(0.0, math.inf, "a number of milliseconds above 0", open_low=True),
    "min_forecast": _number(0.0, 1.0, "a probability from 0 to 1"),
    "max_age": _age,
    "exclude": _exclude,
    "limit": _limit,
    "order": _order,
}
_SINGLE: Final = frozenset(
    {"trust", "target", "vantage", "max_latency_ms", "min_forecast", "max_age", "limit", "order"}
)

FIELDS: Final[tuple[str, ...]] = tuple(_READERS)
"""The names that ``parse_query`` understands."""
