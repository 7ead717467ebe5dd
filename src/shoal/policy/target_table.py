"""Targets as values: read off a table of the settings or the API, and looked up by what a query says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from shoal.domain import Refused, Target
from shoal.domain.address import canonical_host
from shoal.domain.target import authority_of
from shoal.options import OwnTarget, TargetOptions

NAME_PATTERN: Final = r"[a-z0-9\[][a-z0-9._:\[\]-]{0,127}"
_NAME: Final = re.compile(NAME_PATTERN)
_REGEX_LIMIT: Final = 1000
_URL_LIMIT: Final = 2000
_PORTS: Final = {"http": 80, "https": 443}

Judge = Callable[[str, int], tuple[str, str | None]]
"""The canonical host, and why it may not be reached (``policy.target_rules.TargetRules.judge``)."""


def read_target(
    own: OwnTarget, options: TargetOptions, judge: Judge, *, from_file: bool = False
) -> tuple[Target | None, list[str]]:
    """The target, or what is wrong, each as the rest of a sentence that begins with the table's name."""
    wrong: list[str] = []
    url = own.url.strip()
    parts, port = None, None
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in _PORTS or not parts.hostname or not port:
        return None, [f"has the url {url[:100]!r}, which is no http or https address"]
    if not (url.isascii() and url.isprintable()) or " " in url or len(url) > _URL_LIMIT:
        wrong.append(f"has a url with a character that must be percent-encoded, or more than {_URL_LIMIT} of them")
    if parts.username is not None or parts.password is not None:
        wrong.append("has a url with a user or password, which every proxy could read")
    host = canonical_host(parts.hostname)
    if isinstance(host, Refused):
        return None, [*wrong, f"has the host {parts.hostname[:100]!r}, which is neither a name nor an address"]
    host, why = judge(host, port)
    if why is not None:
        wrong.append(f"may not be reached: {why}")
    tls = parts.scheme == "https"
    name = own.name.strip().lower() or authority_of(host, port, tls)
    if not _NAME.fullmatch(name):
        wrong.append("has a name that cannot be used; take letters, digits and . _ : - (128 at most)")
    for key, text in (("regex", own.expect.regex), ("not-regex", own.expect.not_regex)):
        if problem := _regex_problem(text):
            wrong.append(f"has a {key} that {problem}")
    wrong += [f"expects the status {code}, which is none" for code in own.expect.statuses if not 100 <= code <= 599]
    for key in ("interval", "cool_down", "rate"):
        value = getattr(own, key)
        if value is not None and not value > 0:
            wrong.append(f"sets {key}, which must be above 0")
    if not (own.user_agent.isascii() and (own.user_agent.isprintable() or not own.user_agent)):
        wrong.append("has a user_agent that no header can hold")
    if wrong:
        return None, wrong
    return (
        Target(
            name,
            url,
            host,
            port,
            tls,
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            own.expect.statuses,
            own.expect.regex,
            own.expect.not_regex,
            own.interval or options.interval,
            own.cool_down or options.cool_down,
            options.max_cool_down,
            own.rate or options.rate,
            own.user_agent,
            options.captcha,
            from_file,
        ),
        [],
    )


def _regex_problem(text: str | None) -> str | None:
    if text is None:
        return None
    if not text or len(text) > _REGEX_LIMIT:
        return f"is empty or longer than {_REGEX_LIMIT} characters"
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return None


class TargetTable:
    """The targets in force, by name and by host. ``cool_down`` and ``max_cool_down`` hold for other sites' bans."""

    __slots__ = ("_by_place", "by_name", "cool_down", "max_cool_down")

    def __init__(
        self, targets: Iterable[Target] = (), *, cool_down: float = 900.0, max_cool_down: float = 86_400.0
    ) -> None:
        self.by_name = {target.name: target for target in targets}
        self.cool_down = cool_down
        self.max_cool_down = max_cool_down
        places: dict[str, list[Target]] = {}
        for target in self.by_name.values():
            host = f"[{target.host}]" if ":" in target.host else target.host
            for place in {target.url.lower(), host, target.host, f"{host}:{target.port}"}:
                places.setdefault(place, []).append(target)
        self._by_place = {place: tuple(found) for place, found in places.items()}

    def find(self, text: str) -> tuple[Target, ...]:
        """Those that a query or a client means: by name, URL, ``HOST:PORT`` or ``HOST``; empty: none of ours."""
        text = text.lower()
        named = self.by_name.get(text)
        if named is not None:
            return (named,)
        found = self._by_place.get(text)
        if found is not None:
            return found
        host, port = place_of(text)
        return self._by_place.get(host if port is None else f"{host}:{port}", ())


def place_of(text: str) -> tuple[str, int | None]:
    """Lower-case host (brackets kept) and port of a URL, ``HOST:PORT`` or ``HOST``."""
    text = text.lower()
    scheme, found, rest = text.partition("://")
    if found:
        text = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    host, colon, port = text.rpartition(":")
    if colon and port.isascii() and port.isdigit() and len(port) <= 5 and (":" not in host or host.endswith("]")):
        return host, int(port)
    return text, _PORTS.get(scheme) if found else None
