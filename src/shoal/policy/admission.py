"""Admission: which candidates may enter the store, and under which key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from shoal.domain import Admitted, Candidate, Refused, Trust, record_id, record_key
from shoal.domain.address import network_of
from shoal.options import AdmissionOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.marks import Marks
from shoal.policy.own_ports import OwnPorts

Seen = set[str]
"""What one round has already read, spelled ``scheme|key``; ``Marks`` stand for very many."""


class Admission:
    """The only way into the store. One instance serves all sources, so that caps hold across them.

    Caps count distinct public entries (record keys) on one host and in one network over the life of the instance; an
    entry that was let in once is let in again and costs nothing. The user's own candidates are never capped. Counts are
    forgotten by ``forget`` and by themselves once ``capacity`` entries are remembered: memory stays bounded, about
    200 bytes an entry.
    """

    def __init__(
        self, rules: AddressRules, options: AdmissionOptions, secret: bytes, own_ports: OwnPorts | None = None
    ) -> None:
        self._rules = rules
        self._own_ports = own_ports or OwnPorts()
        self._secret = secret
        self._per_host = options.ports_per_host
        self._per_net = options.hosts_per_net
        self._capacity = options.capacity
        # Hashes stand for the texts to save memory; Python keys them per process, so no list can make them collide.
        self._known: set[int] = set()
        self._hosts: dict[int, int] = {}
        self._nets: dict[str, int] = {}

    def forget(self) -> None:
        """Drop all counts, so that hosts which left the lists make room for others. For the collector, once a day."""
        self._known.clear()
        self._hosts.clear()
        self._nets.clear()

    def admit(
        self,
        candidates: Iterable[Candidate],
        *,
        source: str,
        trust: Trust,
        tags: tuple[str, ...] = (),
        seen: Seen | Marks | None = None,
    ) -> tuple[list[Admitted], Counter[str]]:
        """What may enter, in the order read, and how many were refused by ``Refused`` reason.

        An entry is a duplicate when its key and claimed scheme were already read in this round; the same key under
        another scheme is kept, for the store to merge the claims. A round is one call, or several that share ``seen``.
        """
        seen = set() if seen is None else seen
        admitted: list[Admitted] = []
        refused: Counter[str] = Counter()
        refusal, secret, capped = self._rules.refusal, self._secret, trust is Trust.PUBLIC
        is_ours = self._own_ports.cover
        for candidate in candidates:
            host = candidate.endpoint.host
            why = refusal(host, trust)
            if why is None and is_ours(host, candidate.endpoint.port):
                why = Refused.OURSELVES
            if why is None:
                key = record_key(candidate.endpoint, candidate.credentials, secret)
                scheme = candidate.scheme
                entry = key if scheme is None else scheme + "|" + key
                if entry in seen:
                    why = Refused.DUPLICATE
                else:
                    seen.add(entry)
                    why = self._over_cap(key, host) if capped else None
                if why is None:
                    admitted.append(Admitted(record_id(key), key, candidate, source, trust, tags))
                    continue
            refused[why.value] += 1
        return admitted, refused

    def _over_cap(self, key: str, host: str) -> Refused | None:
        """Count an entry that is new to us; the reason when its host or network is full."""
        mark = hash(key)
        if mark in self._known:
            return None
        on_host = self._hosts.get(hash(host), 0)
        if on_host >= self._per_host:
            return Refused.HOST_CAP
        net = network_of(host)
        # A name stands for no network until it is resolved: its host cap is all that can be said.
        in_net = self._nets.get(net, 0)
        if in_net >= self._per_net and net != host:
            return Refused.NET_CAP
        if len(self._known) >= self._capacity:
            self.forget()
            on_host = in_net = 0
        self._known.add(mark)
        self._hosts[hash(host)] = on_host + 1
        if net != host:
            self._nets[net] = in_net + 1
        return None
