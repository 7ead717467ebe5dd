"""Session: a requests.Session whose every request goes through a proxy."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from requests import PreparedRequest, Response

from shoal_client._adapter import Journey, PoolAdapter, current
from shoal_client._api import API
from shoal_client._chooser import Chooser
from shoal_client._policy import DEFAULT_TIMEOUT, Policy, timeouts
from shoal_client._supply import GatewaySupply, ListSupply, PoolSupply, Supply


def make_supply(
    pool: str | None = None,
    *,
    token: str | None = None,
    gateway: str | None = None,
    proxy_list: Iterable[str] | None = None,
    filters: Mapping[str, Any] | None = None,
    own: bool = False,
    feedback: bool = True,
    schemes: tuple[str, ...] | None = None,
) -> Supply:
    """Where proxies come from; the pool's API unless ``gateway`` or ``proxy_list`` says otherwise. Raises ValueError
    for more than one of them."""
    if sum(place is not None for place in (pool, gateway, proxy_list)) > 1:
        raise ValueError("proxies come from one place: give pool, gateway or proxy_list")
    if gateway is not None:
        return GatewaySupply(gateway, filters)
    if proxy_list is not None:
        if filters:
            raise ValueError("a plain list cannot be filtered: filters need the pool's API or the gateway")
        return ListSupply(proxy_list, own=own, schemes=schemes)
    api = API(pool, token)
    return PoolSupply(api, filters, feedback=feedback, **({} if schemes is None else {"schemes": schemes}))


class Session(requests.Session):
    """``requests.Session`` through a proxy pool.

    ``pool``: address of the pool's API, ``http://[:TOKEN@]host:port`` (default ``SHOAL_URL``, else
    ``http://127.0.0.1:5010``; ``token`` default ``SHOAL_TOKEN``). Or ``gateway``: address of its gateway; or
    ``proxy_list``: URLs of proxies. ``filters``: those of ``/v1/proxies/pick``, such as ``{"country": "DE"}``.

    A request gets a fresh proxy, unless ``sticky`` names a session that keeps one for ``lifetime`` seconds; when that
    proxy fails the session gets another one, with ``strict`` an error. ``exclusive``: a proxy that nobody else is
    given at the same time.

    ``timeout``: seconds to connect and to wait for the answer, where a call gives none. ``retries``: further proxies
    tried where that is safe. ``max_wait``: seconds of a Retry-After that are waited for. ``own``: the list's proxies
    (and those given with ``proxies=``) are the user's, so that credentials may pass them over plain http://;
    ``allow_insecure_auth`` lets them pass any. ``feedback`` tells the pool what was seen. ``managers``: proxies whose
    connections are kept at most.

    Environment variables and netrc are not read (``trust_env``). Safe to use from several threads as far as cookies
    allow.
    """

    def __init__(
        self,
        pool: str | None = None,
        *,
        token: str | None = None,
        gateway: str | None = None,
        proxy_list: Iterable[str] | None = None,
        filters: Mapping[str, Any] | None = None,
        sticky: str | None = None,
        lifetime: float = 600.0,
        strict: bool = False,
        exclusive: bool = False,
        timeout: float | tuple[float, float] = DEFAULT_TIMEOUT,
        retries: int = 2,
        max_wait: float = 10.0,
        own: bool = False,
        allow_insecure_auth: bool = False,
        feedback: bool = True,
        managers: int = 32,
    ) -> None:
        supply = make_supply(
            pool,
            token=token,
            gateway=gateway,
            proxy_list=proxy_list,
            filters=filters,
            own=own,
            feedback=feedback,
        )
        if exclusive and not isinstance(supply, PoolSupply):
            raise ValueError("exclusive needs the pool's API: the gateway and a plain list know nothing of other users")
        policy = Policy(timeouts(timeout, DEFAULT_TIMEOUT), retries, max_wait, allow_insecure_auth)
        chooser = Chooser(supply, lifetime=lifetime, strict=strict, exclusive=exclusive)
        self._start(PoolAdapter(chooser, policy, own=own, managers=managers), sticky, owner=True)

    def _start(self, adapter: PoolAdapter, sticky: str | None, *, owner: bool) -> None:
        super().__init__()
        self.trust_env = False
        self.sticky = sticky
        self._pool_adapter, self._owner = adapter, owner
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def request(self, method: Any, url: Any, *args: Any, sticky: str | None = None, **kwargs: Any) -> Response:
        """As in requests; ``sticky`` names a session for this call alone."""
        before = current.set(Journey(sticky or self.sticky))
        try:
            return super().request(method, url, *args, **kwargs)
        finally:
            current.reset(before)

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """As in requests."""
        if current.get() is not None:
            return super().send(request, **kwargs)
        before = current.set(Journey(self.sticky))
        try:
            return super().send(request, **kwargs)
        finally:
            current.reset(before)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until the pool was told everything that was seen, at most ``timeout`` seconds; whether it was."""
        supply = self._pool_adapter.chooser.supply
        return supply.reporter.flush(timeout) if isinstance(supply, PoolSupply) else True

    def close(self) -> None:
        """End connections and leases, and give the last reports up to a second."""
        if self._owner:
            super().close()
            self._pool_adapter.chooser.close()


class _OneCall(Session):
    """A session for one call: cookies of its own, proxies and connections shared with all others."""

    def __init__(self, adapter: PoolAdapter) -> None:
        self._start(adapter, None, owner=False)


class _Shared:
    """The adapter of all calls without a session, made by the first of them."""

    lock = threading.Lock()
    adapter: PoolAdapter | None = None


def request(method: str, url: str, **kwargs: Any) -> Response:
    """``requests.request`` through the pool at ``SHOAL_URL`` (default ``http://127.0.0.1:5010``)."""
    with _Shared.lock:
        if _Shared.adapter is None:
            _Shared.adapter = PoolAdapter(Chooser(make_supply()), Policy())
    with _OneCall(_Shared.adapter) as session:
        return session.request(method, url, **kwargs)


def get(url: str, **kwargs: Any) -> Response:
    """``requests.get`` through the pool."""
    return request("GET", url, **kwargs)


def options(url: str, **kwargs: Any) -> Response:
    """``requests.options`` through the pool."""
    return request("OPTIONS", url, **kwargs)


def head(url: str, **kwargs: Any) -> Response:
    """``requests.head`` through the pool."""
    return request("HEAD", url, **{"allow_redirects": False, **kwargs})


def post(url: str, **kwargs: Any) -> Response:
    """``requests.post`` through the pool."""
    return request("POST", url, **kwargs)


def put(url: str, **kwargs: Any) -> Response:
    """``requests.put`` through the pool."""
    return request("PUT", url, **kwargs)


def patch(url: str, **kwargs: Any) -> Response:
    """``requests.patch`` through the pool."""
    return request("PATCH", url, **kwargs)


def delete(url: str, **kwargs: Any) -> Response:
    """``requests.delete`` through the pool."""
    return request("DELETE", url, **kwargs)
