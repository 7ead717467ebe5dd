"""Which hosts may be dialled: special-use addresses, what the user opened and what the user denied."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from shoal.domain import Refused, Trust
from shoal.domain.address import canonical_host, ipv4_number, special_use, special_v4
from shoal.errors import ConfigError
from shoal.options import AdmissionOptions

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where names such as `localhost` and `nas.lan` lead: opening part of these opens local names as well.
_LOCAL_NETWORKS: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
    )
)


class AddressRules:
    """Judges canonical hosts (``shoal.domain.address.canonical_host``); nothing is looked up.

    Denied first; then special-use addresses are refused unless they lie in ``allow`` (for what the user named) or
    ``allow_public`` (for every list). A name is judged by its spelling here, and by its addresses when it is resolved.
    Local names (``localhost``, ``*.internal``, names without a dot) pass when an opened network overlaps a loopback or
    private one: whoever opens 127.0.0.0/8 means ``localhost`` too, and the addresses are judged again before dialling.
    A denied name covers the names below it.
    """

    __slots__ = ("_allow", "_allow_public", "_deny", "_deny_names", "_local_names", "_nothing_denied")

    def __init__(
        self,
        allow: Sequence[Network] = (),
        allow_public: Sequence[Network] = (),
        deny_nets: Sequence[Network] = (),
        deny_names: Iterable[str] = (),
    ) -> None:
        self._allow_public = _Networks(allow_public)
        self._allow = _Networks((*allow, *allow_public))
        self._deny = _Networks(deny_nets)
        self._deny_names = frozenset(deny_names)
        self._nothing_denied = not deny_nets and not self._deny_names
        self._local_names = {Trust.OWN: _opens_local((*allow, *allow_public)), Trust.PUBLIC: _opens_local(allow_public)}

    @classmethod
    def from_options(cls, options: AdmissionOptions) -> AddressRules:
        """Rules as the user set them. Raises ``ConfigError`` that lists every entry that is not understood."""
        problems: list[str] = []
        allow = _parse_networks("allow", options.allow, problems)
        allow_public = _parse_networks("allow_public", options.allow_public, problems)
        deny_nets: list[Network] = []
        deny_names: list[str] = []
        for text in options.deny:
            name = canonical_host(text.strip())
            if isinstance(name, Refused) or ":" in name or ipv4_number(name) is not None:
                deny_nets += _parse_networks("deny", (text,), problems)
            else:
                deny_names.append(name)
        if problems:
            raise ConfigError(*problems)
        return cls(allow, allow_public, deny_nets, deny_names)

    def refusal(self, host: str, trust: Trust) -> Refused | None:
        """Why a canonical host must not be dialled for a source of that trust, or None when it may."""
        # Asked before every dial, so the address is read once.
        number = ipv4_number(host)
        if not self._nothing_denied and self._denied(host, number):
            return Refused.DENIED
        why = special_use(host) if number is None else special_v4(number)
        if why is None or self._opened(host, number, trust):
            return None
        return why

    def _denied(self, host: str, number: int | None) -> bool:
        if number is not None or ":" in host:
            return self._deny.contain(host, number)
        # example.net denies a.b.example.net: look up every tail that starts at a label.
        while host:
            if host in self._deny_names:
                return True
            host = host.partition(".")[2]
        return False

    def _opened(self, host: str, number: int | None, trust: Trust) -> bool:
        if number is None and ":" not in host:
            return self._local_names[trust]
        return (self._allow if trust is Trust.OWN else self._allow_public).contain(host, number)


class _Networks:
    """Membership in a few networks, with IPv4 as integers because a list of a million lines asks a million times."""

    __slots__ = ("_v4", "_v6")

    def __init__(self, networks: Sequence[Network]) -> None:
        self._v4 = tuple(
            (int(net.network_address), int(net.netmask)) for net in networks if isinstance(net, ipaddress.IPv4Network)
        )
        self._v6 = tuple(net for net in networks if isinstance(net, ipaddress.IPv6Network))

    def contain(self, host: str, number: int | None) -> bool:
        """``number`` is the IPv4 number of the host, None for IPv6."""
        if number is not None:
            for low, mask in self._v4:  # noqa: SIM110 - a generator costs four times as much
                if number & mask == low:
                    return True
            return False
        address = ipaddress.IPv6Address(host)
        # ::ffff:a.b.c.d is dialled as a.b.c.d, so only what is said of IPv4 counts.
        if address.ipv4_mapped is not None:
            return self.contain(str(address.ipv4_mapped), int(address.ipv4_mapped))
        return any(address in net for net in self._v6)


def _opens_local(networks: Iterable[Network]) -> bool:
    return any(net.version == local.version and net.overlaps(local) for net in networks for local in _LOCAL_NETWORKS)


def _parse_networks(setting: str, texts: Iterable[str], problems: list[str]) -> list[Network]:
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text.strip()))
        except ValueError:
            problems.append(f"{setting}: {text!r} is not a network{_advice(setting, text)}")
    return found


def _advice(setting: str, text: str) -> str:
    try:
        return f" because bits behind the prefix are set; write {ipaddress.ip_network(text.strip(), strict=False)}"
    except ValueError:
        return "; write it like 10.0.0.0/8 or fd00::/8" + (" or give a host name" if setting == "deny" else "")
