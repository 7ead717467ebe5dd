"""Names to addresses by the operating system's resolver, with every address judged before it is given out."""

from __future__ import annotations

import asyncio
import socket

from shoal.domain import Refused, Trust
from shoal.domain.address import canonical_host, is_ip
from shoal.policy.address_rules import AddressRules
from shoal.ports import ResolveError

_CACHE_SIZE = 4096
"""Names remembered; the oldest goes first."""


class SystemResolver:
    """A ``Resolver`` over ``getaddrinfo``.

    ``timeout`` bounds one call (seconds). Answers are kept for ``ttl`` seconds and failures for a sixth of it: short
    enough for names that move, long enough that a thousand sessions of one vendor ask once. At most ``lookups`` names
    are asked for at once, because each occupies a thread.
    """

    def __init__(self, rules: AddressRules, *, timeout: float = 5.0, ttl: float = 60.0, lookups: int = 16) -> None:
        self._rules = rules
        self._timeout = timeout
        self._ttl = ttl
        self._room = asyncio.Semaphore(lookups)
        self._cache: dict[str, tuple[float, tuple[str, ...] | str]] = {}

    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        """Addresses of a canonical host, IPv4 first, all allowed for that trust. Raises ``ResolveError``."""
        why = self._rules.refusal(host, trust)
        if why is not None:
            raise ResolveError(f"{host} may not be dialled ({why.value}).", why)
        if is_ip(host):
            return (host,)
        found = await self._addresses(host, port)
        allowed, reason = [], Refused.BAD_ADDRESS
        for address in found:
            why = self._rules.refusal(address, trust)
            if why is None:
                allowed.append(address)
            else:
                reason = why
        if not allowed:
            raise ResolveError(f"{host} leads only to addresses that may not be dialled ({reason.value}).", reason)
        return tuple(allowed)

    async def _addresses(self, host: str, port: int) -> tuple[str, ...]:
        answer = self._cached(host)
        if answer is None:
            try:
                async with asyncio.timeout(self._timeout), self._room:
                    # Somebody else may have asked for it while we waited for room.
                    answer = self._cached(host) or self._remember(host, await _look_up(host, port))
            except TimeoutError:
                answer = self._remember(host, f"No name server told the address of {host} within {self._timeout:g} s.")
        if isinstance(answer, str):
            raise ResolveError(answer)
        return answer

    def _cached(self, host: str) -> tuple[str, ...] | str | None:
        entry = self._cache.get(host)
        return entry[1] if entry is not None and entry[0] > asyncio.get_running_loop().time() else None

    def _remember(self, host: str, answer: tuple[str, ...] | str) -> tuple[str, ...] | str:
        life = self._ttl / 6 if isinstance(answer, str) else self._ttl
        self._cache.pop(host, None)
        while len(self._cache) >= _CACHE_SIZE:
            del self._cache[next(iter(self._cache))]
        self._cache[host] = (asyncio.get_running_loop().time() + life, answer)
        return answer


async def _look_up(host: str, port: int) -> tuple[str, ...] | str:
    """Canonical addresses, IPv4 first, or one sentence that says why there is none."""
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a valid name"
        return f"The name {host} has no address ({reason})."
    # A scoped address (fe80::1%eth0) has no canonical form and is left out.
    hosts = [canonical_host(str(info[4][0])) for info in infos]
    found = dict.fromkeys(host for host in hosts if not isinstance(host, Refused))
    return tuple(sorted(found, key=lambda address: ":" in address)) or f"The name {host} has no address."
