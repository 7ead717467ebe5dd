"""Our own listeners: a list that names one has us check ourselves, a client that asks for one goes in circles."""

from __future__ import annotations

from shoal.domain.address import special_use

_EVERY = frozenset({"0.0.0.0", "::", ""})


class OwnPorts:
    """Where this pool listens, as far as it is known by now."""

    __slots__ = ("_everywhere", "_exact")

    def __init__(self) -> None:
        self._exact: set[tuple[str, int]] = set()
        self._everywhere: set[int] = set()

    def add(self, host: str, port: int) -> None:
        """A listener on ``host`` (``0.0.0.0`` and ``::`` mean every address of this machine) and ``port``."""
        if host in _EVERY:
            self._everywhere.add(port)
            return
        self._exact.add((host, port))
        if host in ("127.0.0.1", "::1", "localhost"):
            self._exact |= {("localhost", port), ("127.0.0.1", port)}

    def cover(self, host: str, port: int) -> bool:
        """Whether a canonical host and port lead to one of them.

        A listener on every address is reached by each of ours, and those are loopback or private unless this machine
        has a public one; which ones they are is not asked: on that port all such addresses count.
        """
        return (host, port) in self._exact or (port in self._everywhere and special_use(host) is not None)
