"""Which attempts make up a check, in which order, and when it is over."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from shoal.domain import Capability, Failure, Path, Reason, Record, Scheme, Stage, Trust


class Attempt(Struct, frozen=True, gc=False):
    """One exchange on one connection: a nonce, or a fixed document, through the proxy."""

    scheme: Scheme
    mode: Literal["forward", "tunnel"]
    tls: bool = False
    """TLS to the judge, inside the tunnel."""
    document: bool = False
    by_address: bool = False
    """Name the judge to the proxy by its address."""
    share: float = 1.0
    """The part of the remaining time that it may use."""
    page: str = ""
    """Ask for this signed document in place of the echo: one exchange proves that the path works and that content of
    this kind survives it."""
    pages: tuple[str, ...] = ()
    """With ``document``: ask for these, side by side, and not for one of each kind."""
    sni: str = ""
    """Name another server in the handshake with the judge: who intercepts TLS to well-known sites only is found so."""


class Result(Protocol):
    """What has to be known of an attempt that is over."""

    @property
    def attempt(self) -> Attempt: ...

    @property
    def failure(self) -> Failure | None: ...

    @property
    def works(self) -> bool: ...


class Judges(Struct, frozen=True, gc=False):
    """Which judges are at hand."""

    plain: bool = False
    """One over plain HTTP."""
    tls: bool = False
    documents: bool = False
    """The plain one has fixed documents."""
    tls_documents: bool = False
    named: bool = False
    """The plain one, or the TLS one where there is no other, is known by a name, which a proxy can resolve."""
    signs: bool = False
    """A plain one signs its fixed documents."""
    ipv4: bool = True
    """One of them has an IPv4 address: SOCKS4 can name no other."""
    only_443: bool = False
    """The TLS one listens on port 443, so that reaching it does not show whether other ports may be reached."""
    strange_sni: bool = False
    """The TLS one shows us its certificate also under another server's name."""


class Situation(Struct, frozen=True, gc=False):
    """What is known before a check begins."""

    claims: tuple[Scheme, ...]
    paths: tuple[Path, ...]
    """The verified ones only."""
    port: int
    trust: Trust
    full: bool
    judges: Judges
    page: str = ""
    """The signed document whose turn it is in a quick re-check, "" for the echo."""
    more: tuple[tuple[str, ...], ...] = ()
    """Rounds of further documents that the same re-check asks for, those of each side by side, while all goes well."""


# Which document a quick re-check asks for, in turn. Most that tamper put something into HTML or recompress pictures,
# few touch scripts alone (literature 4.2); the echo keeps anonymity fresh, since only it shows what the judge saw. A
# proxy that changes one kind now and then is found in proportion to that kind's share here.
_PAGE: Final = "/doc/page.html"
_IMAGE: Final = "/doc/image.png"
_SCRIPT: Final = "/doc/script.js"
_DATA: Final = "/doc/data.json"
ROTATION: Final = (
    _PAGE, _IMAGE, _PAGE, "", _PAGE, _SCRIPT, _PAGE, _IMAGE, _PAGE, _DATA,
    _PAGE, _IMAGE, _PAGE, "", _PAGE, _SCRIPT, _PAGE, _IMAGE, _PAGE, _IMAGE,
)  # fmt: skip


COMPARED: Final = 96
"""Documents after which a path was compared often enough: of those that change every tenth answer, 1 % are left then,
whatever kind they change. See ``FURTHER``."""
FURTHER: Final = (
    (_PAGE, _PAGE, _PAGE, _PAGE, _IMAGE, _IMAGE, _IMAGE, _SCRIPT),
    (_PAGE, _PAGE, _PAGE, _PAGE, _IMAGE, _IMAGE, _IMAGE, _DATA),
)
"""A path that works may soon be handed out: until it was compared often, each re-check asks for eight documents more,
side by side, as many as ``pool.capacity`` lets clients put on it at once, up to three times. One in twenty working HTTP
proxies changes every tenth answer only, and some kinds only (lab, after literature 3.4): one document a check would
find half of these after 14 checks, these do after one."""
ROUNDS: Final = 3
"""Rounds of these in one re-check, one after the other: as many documents in all as with one round each, but after four
checks instead of eleven, and it is in the first minutes that nothing better is known than what was hardly compared."""


# What stands behind well-known ports, most common first (research, literature 5.2: 55 % of SOCKS5 proxies and 20 % of
# SOCKS4 ones listen on 1080; 4145, 5678 and 4153 make 70 % of SOCKS4; TLS proxies follow the ports of TLS).
_HTTP: Final = (Scheme.HTTP, Scheme.SOCKS5, Scheme.SOCKS4, Scheme.HTTPS)
_SOCKS5: Final = (Scheme.SOCKS5, Scheme.SOCKS4, Scheme.HTTP, Scheme.HTTPS)
_SOCKS4: Final = (Scheme.SOCKS4, Scheme.SOCKS5, Scheme.HTTP, Scheme.HTTPS)
_TLS: Final = (Scheme.HTTPS, Scheme.HTTP, Scheme.SOCKS5, Scheme.SOCKS4)
_BY_PORT: Final[dict[int, tuple[Scheme, ...]]] = {
    **dict.fromkeys((1080, 1081, 1085, 1086, 1088, 7890, 7891, 9050, 9150, 10808, 10809), _SOCKS5),
    **dict.fromkeys((4145, 4153, 5678), _SOCKS4),
    **dict.fromkeys((443, 4443, 8443), _TLS),
}

# One server family answers both; SOCKS5 servers rarely lack for what SOCKS4 adds.
_FAMILY: Final = {
    Scheme.HTTP: "http",
    Scheme.HTTPS: "https",
    Scheme.SOCKS4: "socks4",
    Scheme.SOCKS4A: "socks4",
    Scheme.SOCKS5: "socks5",
}

# An answer of this kind shows that the server speaks the scheme, so that other schemes need not be tried.
_SPOKEN: Final = (Reason.AUTH, Reason.DENIED, Reason.BAD_STATUS, Reason.UNREACHABLE, Reason.REFUSED, Reason.MISMATCH)

GUESS_SHARE: Final = 0.5
"""A guess may use half of the time that is left, so that a server which waits in silence for its own protocol leaves
time for the next guess. A claim gets all of it: lists are right about 95 % of live proxies."""


STRANGE_NAME: Final = "www.google.com"
"""The name in the handshake that is not the judge's. It only ever travels to the judge; selective interceptors act on
names that everybody uses."""


def scheme_order(situation: Situation) -> tuple[Scheme, ...]:
    """Schemes to try for a record of which nothing is verified: claims first, then by port.

    A public list's ``https`` nearly always means an http proxy that can CONNECT, so http is tried first; a user who
    writes ``https://`` for a proxy of their own means TLS. SOCKS4a is only tried where it is claimed: whether a server
    can resolve names shows on its SOCKS4 path first.
    """
    order: list[Scheme] = []
    for claim in situation.claims:
        if claim is Scheme.HTTPS and situation.trust is Trust.PUBLIC and situation.port not in (443, 4443, 8443):
            order.append(Scheme.HTTP)
        order.append(claim)
    order += _BY_PORT.get(situation.port, _HTTP)
    return tuple(dict.fromkeys(order))


def situation_of(record: Record, full: bool, judges: Judges) -> Situation:
    """The situation of a record with the judges at hand."""
    paths = record.paths
    for path in paths:
        if not path.is_verified:
            paths = tuple([path for path in paths if path.is_verified])
            break
    page = ""
    more: tuple[tuple[str, ...], ...] = ()
    if judges.signs and paths and not full:
        # Proxies come due in waves: each begins at another place.
        place = (record.checks + zlib.crc32(record.key.encode())) % len(ROTATION)
        page = ROTATION[place]
        for path in paths:
            if path.compared < COMPARED and path.health.streak > 0 and not path.honesty.is_dangerous:
                rounds = min(ROUNDS, -(-(COMPARED - path.compared) // len(FURTHER[0])))
                more = tuple([FURTHER[(place + number) % len(FURTHER)] for number in range(rounds)])
                break
    return Situation(record.claims, paths, record.endpoint.port, record.trust, full, judges, page, more)


def next_attempt(situation: Situation, results: Sequence[Result]) -> Attempt | None:
    """The next attempt of a check, None when it is over.

    Where paths are verified: one small exchange on each, or with ``full`` the whole profile and other claims.
    Otherwise discovery: schemes in the likeliest order until one works, then that one's profile. A failed connect, and
    any shortage of our own, ends everything.
    """
    if results:
        last = results[-1].failure
        if last is not None and (last.stage in (Stage.RESOLVE, Stage.CONNECT) or last.reason is Reason.LOCAL_LIMIT):
            return None
        alone = len(results) == 1 and len(situation.paths) == 1 and not situation.full
        if alone and last is None and not situation.more:
            return None
    elif not (situation.judges.plain or situation.judges.tls):
        return None
    if situation.paths:
        for path in situation.paths:
            attempt = _next_on(path.scheme, path, situation, _of(results, path.scheme), situation.full)
            if attempt is not None:
                return attempt
        return _next_claim(situation, results) if situation.full else None
    return _discover(situation, results)


def _next_claim(situation: Situation, results: Sequence[Result]) -> Attempt | None:
    """With the full profile, what sources have claimed since: another family than those verified."""
    known = {_FAMILY[path.scheme] for path in situation.paths}
    for claim in situation.claims:
        family = _FAMILY[claim]
        if family in known or family == "https" or (family == "socks4" and "socks5" in known):
            continue
        attempt = _next_on(claim, None, situation, _of(results, claim), True)
        if attempt is not None:
            return attempt
    return None


def _discover(situation: Situation, results: Sequence[Result]) -> Attempt | None:
    order = scheme_order(situation)
    worked: set[str] = set()
    spoken = False
    for scheme in order:
        family = _FAMILY[scheme]
        mine = _of(results, scheme)
        if not mine:
            if spoken or family in worked or ("socks5" in worked and family == "socks4"):
                continue
            # A server of two schemes is rare (4 %): after a success only what is claimed is tried.
            if worked and (scheme not in situation.claims or scheme is Scheme.HTTPS):
                continue
        attempt = _next_on(scheme, None, situation, mine, True)
        if attempt is not None:
            if not mine and not worked and scheme not in situation.claims and scheme is not order[-1]:
                return Attempt(
                    attempt.scheme, attempt.mode, attempt.tls, attempt.document, attempt.by_address, GUESS_SHARE
                )
            return attempt
        if any(_worked(result) for result in mine):
            worked.add(family)
        elif any(_speaks(result) for result in mine):
            # What is claimed beside it has no better chance: a server that answers in one protocol and refuses.
            spoken = True
    return None


def _next_on(
    scheme: Scheme, path: Path | None, situation: Situation, mine: Sequence[Result], profile: bool
) -> Attempt | None:
    if not mine:
        if scheme is Scheme.SOCKS4 and not situation.judges.ipv4:
            # Nothing that it could be asked for would be its failure.
            return None
        return _first_on(scheme, path, situation)
    proven = [result.attempt for result in mine if _worked(result)]
    if not proven:
        return _second_chance(scheme, situation, mine)
    if not profile:
        return _next_page(situation, mine)
    if not any(result.attempt.document for result in mine):
        base = proven[-1]
        if situation.judges.tls_documents if base.tls else situation.judges.documents:
            return Attempt(scheme, base.mode, base.tls, True, base.by_address)
    if situation.judges.tls and not any(result.attempt.tls for result in mine):
        return Attempt(scheme, "tunnel", True, False, proven[-1].by_address)
    if situation.judges.strange_sni and not any(result.attempt.sni for result in mine):
        secured = next((result.attempt for result in mine if result.attempt.tls and _worked(result)), None)
        if secured is not None:
            return replace(secured, page="", sni=STRANGE_NAME)
    if situation.judges.only_443 and situation.judges.plain and not scheme.is_socks:
        tunnels = [result for result in mine if result.attempt.mode == "tunnel" and not result.attempt.document]
        if any(_worked(result) for result in tunnels) and all(result.attempt.tls for result in tunnels):
            return Attempt(scheme, "tunnel")
    return None


def _next_page(situation: Situation, mine: Sequence[Result]) -> Attempt | None:
    first = mine[0].attempt
    if not situation.more or first.tls or not (first.mode == "forward" or first.scheme.is_socks):
        return None
    if len(mine) > len(situation.more) or mine[-1].failure is not None:
        return None
    pages = situation.more[len(mine) - 1]
    return Attempt(first.scheme, first.mode, document=True, by_address=first.by_address, pages=pages)


def _first_on(scheme: Scheme, path: Path | None, situation: Situation) -> Attempt:
    if scheme.is_socks:
        by_address = scheme is Scheme.SOCKS4
        if path is not None and scheme is Scheme.SOCKS5:
            # A quick re-check must not fail for a name when addresses are what this proxy is known to take.
            by_address = situation.judges.named and Capability.REMOTE_DNS not in path.capabilities
        page = situation.page if path is not None and situation.judges.plain else ""
        return Attempt(scheme, "tunnel", not situation.judges.plain, False, by_address, page=page)
    only_tunnels = (
        path is not None and Capability.FORWARD not in path.capabilities and Capability.TUNNEL in path.capabilities
    )
    if situation.judges.plain and not (only_tunnels and situation.judges.tls):
        return _FORWARD[scheme, situation.page if path is not None else ""]
    return Attempt(scheme, "tunnel", situation.judges.tls)


_FORWARD: Final = {
    (scheme, page): Attempt(scheme, "forward", page=page) for scheme in (Scheme.HTTP, Scheme.HTTPS) for page in ROTATION
}


def _second_chance(scheme: Scheme, situation: Situation, mine: Sequence[Result]) -> Attempt | None:
    if len(mine) > 1:
        return None
    first = mine[0]
    failure = first.failure
    if failure is None:
        return None
    if first.attempt.page and failure.stage is Stage.CONTENT and failure.reason is Reason.MISMATCH:
        # Not signed: a filter that drops the head's fields, or a proxy that never asked. The echo tells them apart.
        return replace(first.attempt, page="")
    if not scheme.is_socks:
        # Most paid proxies and many public ones refuse one of the two ways and serve the other.
        if first.attempt.mode == "forward" and failure.reason in (Reason.DENIED, Reason.BAD_STATUS):
            return Attempt(scheme, "tunnel", situation.judges.tls)
        if first.attempt.mode == "tunnel" and situation.judges.plain and failure.stage is Stage.TUNNEL:
            return Attempt(scheme, "forward")
        return None
    if (
        scheme is Scheme.SOCKS5
        and situation.judges.named
        and not first.attempt.by_address
        and failure.stage is Stage.TUNNEL
    ):
        # Reply 4, or 8, to a name: it may still reach addresses.
        return Attempt(scheme, "tunnel", first.attempt.tls, False, True)
    return None


def _of(results: Sequence[Result], scheme: Scheme) -> Sequence[Result]:
    return [result for result in results if result.attempt.scheme is scheme]


def _worked(result: Result) -> bool:
    return result.works


def _speaks(result: Result) -> bool:
    failure = result.failure
    if failure is None:
        return True
    if failure.reason is Reason.BAD_STATUS and "400" in failure.detail:
        # What a TLS listener, and many another server, answers to bytes that are not for it.
        return False
    return failure.reason in _SPOKEN or (failure.stage is Stage.TARGET_TLS and failure.reason is Reason.CERT)
