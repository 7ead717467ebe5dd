"""What one exchange with a judge proves about a proxy."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from msgspec import Struct

from shoal.domain import Anonymity, Capability, Facts, Failure, Honesty, Reason, Scheme, Stage, Timing
from shoal.domain.address import ipv4_number
from shoal.policy.discovery import Attempt


class Echo(Struct, gc=False):
    """What a judge says that it saw. ``nonce_ok`` None: this judge cannot carry a nonce."""

    address: str | None
    nonce_ok: bool | None
    headers: Sequence[tuple[str, str]] = ()
    target: str | None = None
    raw: bytes = b""
    """The whole answer, for judges that repeat what they saw in places of their own."""


# Names by which proxies give themselves away (research on azenv checkers, ProxyBroker and others, literature 3.1, 3.2).
# Adding a name: only one that no browser sends and no judge's own front end adds to a direct request; the latter are
# taken out at calibration as well.
_GIVEAWAYS: Final = frozenset(
    {
        "via", "forwarded", "forwarded-for", "forwarded-for-ip", "client-ip", "clientip", "x-client-ip", "x-real-ip",
        "x-originating-ip", "x-remote-ip", "x-remote-addr", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
        "fastly-client-ip", "x-bluecoat-via", "mt-proxy-id", "x-tinyproxy", "x-squid-error", "x-cache",
        "x-cache-lookup", "x-varnish", "cdn-loop", "pragma-proxy", "xroxy-connection", "x-imforwards", "xproxy",
        "surrogate-capability", "wl-proxy-client-ip",
    }
)  # fmt: skip
_GIVEAWAY_PREFIXES: Final = ("proxy-", "x-proxy", "x-forwarded", "x-squid", "x-via", "http-x-forwarded")


def gives_away(name: str) -> bool:
    """Whether a header of this lower-case name, which we did not send, tells of a proxy."""
    return name in _GIVEAWAYS or name.startswith(_GIVEAWAY_PREFIXES)


class OwnAddresses:
    """Our own addresses, ready to be searched for in every spelling a proxy may pass them on in."""

    __slots__ = ("_patterns", "addresses")

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        self.addresses = frozenset(addresses)
        spellings = sorted({spelling for address in self.addresses for spelling in _spellings(address)})
        self._patterns = tuple(_pattern(spelling) for spelling in spellings)

    def is_in(self, text: str) -> bool:
        """Whether any spelling of any of them stands in the text."""
        return any(pattern.search(text) is not None for pattern in self._patterns)


def _pattern(spelling: str) -> re.Pattern[str]:
    # 1.2.3.4 does not stand in 11.2.3.4 or 1.2.3.45, but in ::ffff:1.2.3.4 and 1.2.3.4:80.
    digit = "[0-9]" if "." in spelling else "[0-9a-f]"
    return re.compile(rf"(?<!{digit})(?<![0-9]\.){re.escape(spelling)}(?!{digit})(?!\.[0-9])", re.IGNORECASE)


def _spellings(address: str) -> list[str]:
    number = ipv4_number(address)
    if number is not None:
        # Dotted covers ::ffff:a.b.c.d as well; hexadecimal is what some headers carry.
        return [address, f"{number:08x}"]
    full = ipaddress.IPv6Address(address)
    return [full.compressed, full.exploded, ":".join(f"{int(group, 16):x}" for group in full.exploded.split(":"))]


def anonymity_of(
    echo: Echo, own: OwnAddresses, sent: Mapping[str, str], baseline: frozenset[str] = frozenset()
) -> Anonymity:
    """What a target can tell from a request as the judge saw it.

    ``sent`` are the headers that we sent (their own values prove nothing: Host may name a judge at our own address);
    ``baseline`` the lower-case names that the judge's front end adds to a direct request.
    """
    if not own.addresses:
        # Without knowing ourselves, "not seen" would be a guess.
        return Anonymity.UNKNOWN
    if echo.address in own.addresses:
        return Anonymity.TRANSPARENT
    given_away = echo.target is not None and echo.target[:1] not in ("/", "")
    for name, value in echo.headers:
        # Nearly every header arrives as it left: only what differs is looked at closely.
        if sent.get(name) == value:
            continue
        lower = name.lower()
        known = _find(sent, lower)
        if known == value:
            continue
        if own.is_in(value):
            return Anonymity.TRANSPARENT
        if known is None and lower not in baseline and gives_away(lower):
            given_away = True
    if not echo.headers and own.is_in(echo.raw.decode("latin-1")):
        return Anonymity.TRANSPARENT
    return Anonymity.ANONYMOUS if given_away else Anonymity.ELITE


def _find(sent: Mapping[str, str], lower: str) -> str | None:
    return next((value for name, value in sent.items() if name.lower() == lower), None)


class Outcome(Struct, gc=False):
    """How one attempt ended. ``failure`` None: the nonce (or the document) came back right."""

    attempt: Attempt
    failure: Failure | None = None
    exit: str | None = None
    anonymity: Anonymity | None = None
    named: bool = False
    """The proxy was given a name, not an address."""
    timing: Timing = Timing()
    judge: str | None = None
    proved: bool = False
    """The judge's signature came back although something else is wrong."""
    content: Honesty | None = None
    """What a signed document alone suggests: that it was changed, or (FAKES) that its signature is made up. UNKNOWN:
    something needed for CLEAN is missing."""
    port: int = 0
    """The judge's."""
    keeps_alive: bool | None = None
    """A second request on the connection was answered; None: not tried."""
    moved: int = 0
    """Bytes both ways, as they went over the network."""
    compared: int = 0
    """Fixed documents that came back byte for byte."""

    @property
    def works(self) -> bool:
        """Proof that the path works: a nonce came back."""
        return (self.failure is None or self.proved) and not (self.attempt.document or self.attempt.sni)


def honesty_of(outcome: Outcome) -> Honesty | None:
    """What one outcome says about honesty; None when nothing."""
    failure = outcome.failure
    if outcome.attempt.sni:
        return None if failure is None else Honesty.INTERCEPTS
    if failure is None:
        return Honesty.CLEAN if outcome.attempt.document and outcome.content is not Honesty.UNKNOWN else None
    if (outcome.attempt.page or outcome.proved) and failure.stage is Stage.CONTENT:
        # Changed without a signature proves nothing until another exchange shows that this proxy works at all.
        return outcome.content if outcome.proved or outcome.content is Honesty.FAKES else None
    if failure.reason is Reason.MISMATCH and failure.stage is Stage.CONTENT:
        return Honesty.TAMPERS if outcome.attempt.document else Honesty.FAKES
    # The judge's certificate is right when asked directly, or it would not be asked through proxies.
    if failure.reason is Reason.CERT and failure.stage is Stage.TARGET_TLS:
        return Honesty.INTERCEPTS
    return None


_WORST_FIRST: Final = (Honesty.FAKES, Honesty.INTERCEPTS, Honesty.TAMPERS, Honesty.CLEAN)
_NOTHING_LEARNED: Final = Facts()
_SAID_NO: Final = (Reason.DENIED, Reason.BAD_STATUS, Reason.UNREACHABLE, Reason.REFUSED, Reason.MALFORMED, Reason.CERT)


def facts_of(outcomes: Sequence[Outcome], profiled: bool = False) -> Facts:
    """All that the outcomes on one path prove together. The worst honesty wins; plain HTTP decides on anonymity."""
    first = outcomes[0]
    if len(outcomes) == 1 and first.failure is None and not first.attempt.document:
        # Most checks are one good exchange; hashing members of enumerations costs more than all the rest of it.
        attempt = first.attempt
        proven = _proven(
            attempt.mode == "forward",
            attempt.tls,
            first.named,
            first.exit is not None and ":" in first.exit,
            first.port not in (0, 443),
        )
        return Facts(proven, frozenset(), first.anonymity, None, first.exit, None, profiled, compared=first.compared)
    can: set[Capability] = set()
    cannot: set[Capability] = set()
    anonymity: Anonymity | None = None
    address: str | None = None
    works = name_failed = changed = unsure = False
    seen: set[Honesty] = set()
    for outcome in outcomes:
        attempt = outcome.attempt
        found = honesty_of(outcome)
        if found is not None:
            seen.add(found)
        changed = changed or outcome.content is Honesty.TAMPERS
        unsure = unsure or outcome.content is Honesty.UNKNOWN
        if outcome.keeps_alive is not None:
            (can if outcome.keeps_alive else cannot).add(Capability.KEEP_ALIVE)
        if attempt.sni:
            continue
        capability = _proves(attempt)
        if not outcome.works:
            failure = outcome.failure
            if attempt.scheme is Scheme.SOCKS5 and not attempt.by_address and not attempt.document:
                name_failed = True
            if capability is not None and not attempt.document and failure is not None and failure.reason in _SAID_NO:
                cannot.add(capability)
                if attempt.mode == "tunnel" and outcome.port not in (0, 443):
                    cannot.add(Capability.TUNNEL_ANY_PORT)
            continue
        works = True
        if capability is not None:
            can.add(capability)
        if attempt.mode == "tunnel" and outcome.port not in (0, 443):
            can.add(Capability.TUNNEL_ANY_PORT)
        if outcome.named:
            can.add(Capability.REMOTE_DNS)
        elif attempt.by_address and name_failed:
            cannot.add(Capability.REMOTE_DNS)
        if outcome.exit is not None:
            address = outcome.exit
            if ":" in address:
                can.add(Capability.IPV6_EXIT)
        if outcome.anonymity is not None and (anonymity is None or not attempt.tls):
            anonymity = outcome.anonymity
    if changed and works:
        seen.add(Honesty.TAMPERS)
    if unsure:
        seen.discard(Honesty.CLEAN)
    honesty = next((honesty for honesty in _WORST_FIRST if honesty in seen), None)
    if not works:
        return _NOTHING_LEARNED if honesty is None else Facts(honesty=honesty)
    compared = sum([outcome.compared for outcome in outcomes])
    return Facts(
        frozenset(can), frozenset(cannot - can), anonymity, honesty, address, None, profiled, compared=compared
    )


@cache
def _proven(forward: bool, tls: bool, named: bool, ipv6: bool, odd_port: bool) -> frozenset[Capability]:
    can = {
        Capability.FORWARD: forward,
        Capability.TUNNEL: tls and not forward,
        Capability.TUNNEL_ANY_PORT: odd_port and not forward,
        Capability.REMOTE_DNS: named,
        Capability.IPV6_EXIT: ipv6,
    }
    return frozenset(capability for capability, shown in can.items() if shown)


def _proves(attempt: Attempt) -> Capability | None:
    if attempt.mode == "forward":
        return Capability.FORWARD
    return Capability.TUNNEL if attempt.tls else None
