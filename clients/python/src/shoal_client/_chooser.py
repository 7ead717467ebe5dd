"""Chooser: which proxy a request gets, fresh or the one of its session."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from shoal_client._proxy import Proxy
from shoal_client._supply import Need, Supply
from shoal_client.errors import Failure

_SESSIONS_LIMIT = 1024
"""Sticky sessions remembered; the longest unused goes first."""


class Chooser:
    """``lifetime`` is how long a sticky session keeps its proxy at most (seconds). Thread-safe."""

    def __init__(
        self, supply: Supply, *, lifetime: float = 600.0, strict: bool = False, exclusive: bool = False
    ) -> None:
        self.supply = supply
        self.strict = strict
        self._lifetime = lifetime
        self._exclusive = exclusive
        self._held: OrderedDict[str, tuple[Proxy, float]] = OrderedDict()
        self._lock = threading.Lock()

    def choose(self, need: Need, key: str | None, seconds: float) -> Proxy:
        """A proxy for one request that takes ``seconds`` at most. Raises NoProxyError or PoolError."""
        if key is None:
            if self._exclusive:
                return self.supply.hold(need, "", seconds, exclusive=True)
            return self.supply.pick(need)
        with self._lock:
            proxy, until = self._held.get(key, (None, 0.0))
            fits = proxy is not None and need.is_met_by(proxy) and proxy.address not in need.exclude
            if proxy is not None and fits and time.monotonic() < until:
                self._held.move_to_end(key)
                return proxy
        self.drop(key, proxy)
        wide = Need(need.target, need.tls, own=need.own, both=True, exclude=need.exclude)
        fresh = self.supply.hold(wide, key, self._lifetime, exclusive=self._exclusive, strict=self.strict)
        with self._lock:
            # Another thread of the same session may have been faster: one session, one proxy.
            proxy, until = self._held.get(key, (None, 0.0))
            if proxy is not None and time.monotonic() < until and proxy.address not in need.exclude:
                self.supply.release(fresh)
                return proxy
            self._held[key] = (fresh, time.monotonic() + self._lifetime)
            old = self._held.popitem(last=False)[1][0] if len(self._held) > _SESSIONS_LIMIT else None
        if old is not None:
            self.supply.release(old)
        return fresh

    def drop(self, key: str | None, proxy: Proxy | None) -> None:
        """The session ``key`` gets another proxy next time, if it still has this one."""
        if key is None or proxy is None:
            return
        with self._lock:
            if self._held.get(key, (None, 0.0))[0] is not proxy:
                return
            del self._held[key]
        self.supply.release(proxy)

    def done(self, key: str | None, proxy: Proxy, failure: Failure | None, latency: float | None, target: str) -> None:
        """Tell what was seen, and give back what was held for this request alone."""
        self.supply.report(proxy, failure, latency, target)
        if key is None:
            self.supply.release(proxy)

    def close(self) -> None:
        with self._lock:
            held, self._held = list(self._held.values()), OrderedDict()
        for proxy, _ in held:
            self.supply.release(proxy)
        self.supply.close()
