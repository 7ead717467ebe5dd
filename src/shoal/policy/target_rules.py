"""Target rules: which hosts and ports the gateway's clients may reach."""

from __future__ import annotations

from collections.abc import Iterable

from shoal.domain import Refused, Trust
from shoal.domain.address import canonical_host
from shoal.errors import ConfigError
from shoal.options import AdmissionOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.own_ports import OwnPorts

_REMEMBERED = 4096


class TargetRules:
    """Judges targets by their spelling: private and special addresses in every form, local names, refused ports.

    ``allow`` opens networks. Nothing is looked up; ``addresses`` judges what a resolver of ours finds.
    Raises ConfigError that names every entry which is not understood.
    """

    __slots__ = ("_judged", "_ports", "addresses", "own_ports")

    def __init__(
        self, allow: tuple[str, ...] = (), refused_ports: Iterable[str] = (), own_ports: OwnPorts | None = None
    ) -> None:
        problems = []
        ports = set()
        for text in refused_ports:
            if text.isascii() and text.isdigit() and 1 <= int(text) <= 65_535:
                ports.add(int(text))
            else:
                problems.append(f"gateway.refused_ports: {text!r} is not a port from 1 to 65535")
        try:
            self.addresses = AddressRules.from_options(AdmissionOptions(allow=allow))
        except ConfigError as error:
            problems += [problem.replace("allow:", "gateway.allow_target:", 1) for problem in error.problems]
        if problems:
            raise ConfigError(*problems)
        self._ports = frozenset(ports)
        self.own_ports = own_ports or OwnPorts()
        # Clients ask for the same few hosts again and again; spelling alone decides, so an answer never ages.
        self._judged: dict[str, tuple[str, str | None]] = {}

    def judge(self, host: str, port: int) -> tuple[str, str | None]:
        """The canonical host, and one sentence saying why it is refused or None when it may be reached."""
        if not 1 <= port <= 65_535:
            return host, "the port is not in 1 to 65535"
        if port in self._ports:
            return host, f"port {port} takes mail and is refused here (gateway.refused_ports)"
        known = self._judged.get(host)
        if known is None:
            if len(self._judged) >= _REMEMBERED:
                self._judged.clear()
            known = self._judged[host] = self._judge_host(host)
        if known[1] is None and self.own_ports.cover(known[0], port):
            return known[0], "the target is this gateway itself"
        return known

    def _judge_host(self, host: str) -> tuple[str, str | None]:
        canonical = canonical_host(host)
        if isinstance(canonical, Refused):
            return host, "the host is neither a name nor an address in its usual spelling"
        why = self.addresses.refusal(canonical, Trust.OWN)
        if why is not None:
            return canonical, f"the target is {_WORDS.get(why, why.value)}; --allow-target CIDR opens such networks"
        return canonical, None


_WORDS = {
    Refused.LOOPBACK: "a loopback address",
    Refused.PRIVATE: "private",
    Refused.LINK_LOCAL: "link-local",
    Refused.MULTICAST: "a multicast address",
    Refused.RESERVED: "a reserved address",
}
