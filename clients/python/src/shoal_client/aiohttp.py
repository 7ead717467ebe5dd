"""For aiohttp: ``async with client_session("http://127.0.0.1:5010") as session``, or a ``ProxyConnector`` of your own.

The connector chooses a proxy for every connection and takes another while nothing was sent; its ``middleware`` tells
the pool what became of each request and repeats those that are safe to repeat. aiohttp speaks to HTTP proxies only.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

try:
    import aiohttp
except ImportError as error:
    raise ImportError("shoal_client.aiohttp needs aiohttp 3.12 or newer: pip install aiohttp") from error

from aiohttp.client_middlewares import ClientHandlerType
from yarl import URL

from shoal_client._blame import chain, failure_of, tunnel_failure
from shoal_client._chooser import Chooser
from shoal_client._policy import IDEMPOTENT, target_of, verdict
from shoal_client._proxy import Proxy
from shoal_client._session import make_supply
from shoal_client._supply import Need
from shoal_client.errors import Failure, NoProxyError, PoolError

__all__ = ["ProxyConnector", "client_session"]

_SCHEMES = ("http",)
_LEASE_SECONDS = 60.0
_CONNECTION_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass
class _Journey:
    """One request on its way through the middleware."""

    proxy: Proxy | None = None
    exclude: frozenset[str] = frozenset()
    failures: list[Failure] = field(default_factory=list)
    connected: bool = False


_current: ContextVar[_Journey | None] = ContextVar("shoal_client_aiohttp", default=None)


class ProxyConnector(aiohttp.TCPConnector):
    """The arguments are those of ``shoal_client.Session``; ``connect_timeout`` bounds one proxy, all else goes to
    ``aiohttp.TCPConnector``."""

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
        retries: int = 2,
        connect_timeout: float = 5.0,
        own: bool = False,
        allow_insecure_auth: bool = False,
        feedback: bool = True,
        **options: Any,
    ) -> None:
        supply = make_supply(
            pool,
            token=token,
            gateway=gateway,
            proxy_list=proxy_list,
            filters=filters,
            own=own,
            feedback=feedback,
            schemes=_SCHEMES,
        )
        self._chooser = Chooser(supply, lifetime=lifetime, strict=strict)
        self._sticky, self._retries, self._connect_timeout = sticky, retries, connect_timeout
        self._allow_insecure_auth = allow_insecure_auth
        # A kept tunnel of a gateway would be the same proxy again.
        super().__init__(**{"force_close": gateway is not None and sticky is None, **options})

    async def connect(self, req: aiohttp.ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout) -> Any:
        """As in aiohttp, through a proxy. A request that names a proxy of its own keeps it."""
        journey = _current.get() or _Journey()
        if req.proxy is not None and journey.proxy is None:
            return await super().connect(req, traces, timeout)
        target, tls = target_of(str(req.url))
        bare = not tls and "Authorization" in req.headers and not self._allow_insecure_auth
        for number in range(self._retries + 1):
            need = Need(target, tls, own=bare, exclude=journey.exclude)
            proxy = await self._choose(need)
            journey.proxy, journey.connected = proxy, False
            # Left from a try before, it would be shown to the next proxy, or inside a tunnel to the site.
            req.headers.popall("Proxy-Authorization", None)
            shown = _login(proxy)
            if shown and not tls:
                req.headers.update(shown)
            req.update_proxy(URL(f"{proxy.scheme}://{proxy.address}"), None, shown if tls else None)
            try:
                async with asyncio.timeout(self._connect_timeout):
                    connection = await super().connect(req, traces, timeout)
            except _CONNECTION_ERRORS as error:
                failure = _connect_failure(error, tls=tls)
                self._chooser.done(self._sticky, proxy, failure, None, target)
                journey.exclude |= {proxy.address}
                journey.failures.append(failure)
                strict = self._sticky is not None and self._chooser.strict
                if number == self._retries or strict:
                    raise _marked(error, proxy, failure) from error
                self._chooser.drop(self._sticky, proxy)
            else:
                journey.connected = True
                return connection
        raise AssertionError("the loop above returns or raises")

    async def middleware(self, req: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
        """Give it to a ``ClientSession`` as one of its ``middlewares``."""
        req.headers.popall("Proxy-Authorization", None)
        target, tls = target_of(str(req.url))
        journey = _Journey()
        before = _current.set(journey)
        again = self._retries if req.method.upper() in IDEMPOTENT and not req.body else 0
        try:
            while True:
                started = time.monotonic()
                try:
                    response = await handler(req)
                except _CONNECTION_ERRORS as error:
                    if journey.proxy is None or not journey.connected:
                        # The connector told the pool already; aiohttp may have made another exception of it.
                        if journey.failures and not hasattr(error, "reason"):
                            _marked(error, journey.proxy, journey.failures[-1])
                        raise
                    failure = failure_of(error, "receive")
                    if isinstance(error, aiohttp.ServerDisconnectedError):
                        failure = Failure("receive", "eof")
                    self._failed(journey, failure, target)
                    if again == 0:
                        raise _marked(error, journey.proxy, failure) from error
                else:
                    if journey.proxy is None:
                        return response
                    found = verdict(response.status, response.headers, journey.proxy, tls=tls)
                    if found.failure is None or not found.sure or again == 0:
                        latency = time.monotonic() - started
                        bad = found.failure if found.sure else None
                        self._chooser.done(self._sticky, journey.proxy, bad, latency, target)
                        return response
                    self._failed(journey, found.failure, target)
                    response.release()
                again -= 1
                req.update_proxy(None, None, None)
        finally:
            _current.reset(before)

    async def close(self, *, abort_ssl: bool = False) -> None:
        """As in aiohttp; also ends leases and waits up to a second for the last reports."""
        await super().close(abort_ssl=abort_ssl)
        await asyncio.to_thread(self._chooser.close)

    def _failed(self, journey: _Journey, failure: Failure, target: str) -> None:
        assert journey.proxy is not None
        self._chooser.done(self._sticky, journey.proxy, failure, None, target)
        self._chooser.drop(self._sticky, journey.proxy)
        journey.exclude |= {journey.proxy.address}
        journey.failures.append(failure)

    async def _choose(self, need: Need) -> Proxy:
        try:
            proxy = await asyncio.to_thread(self._chooser.choose, need, self._sticky, _LEASE_SECONDS)
        except (NoProxyError, PoolError) as error:
            if need.own and isinstance(error, NoProxyError):
                raise _insecure() from error
            failure = Failure("connect", "unreachable", str(error))
            raise _marked(aiohttp.ClientConnectionError(str(error)), None, failure, error.reason) from error
        if need.own and not proxy.own:
            raise _insecure()
        return proxy


def client_session(
    pool: str | None = None, *, session: Mapping[str, Any] | None = None, **connector: Any
) -> aiohttp.ClientSession:
    """A ClientSession through the pool. ``session`` goes to ``ClientSession``, all else to ``ProxyConnector``."""
    proxied = ProxyConnector(pool, **connector)
    given = dict(session or {})
    middlewares = (*given.pop("middlewares", ()), proxied.middleware)
    return aiohttp.ClientSession(connector=proxied, middlewares=middlewares, trust_env=False, **given)


def _login(proxy: Proxy) -> dict[str, str]:
    if proxy.credentials is None:
        return {}
    return {"Proxy-Authorization": "Basic " + base64.b64encode(":".join(proxy.credentials).encode()).decode()}


def _connect_failure(error: BaseException, *, tls: bool) -> Failure:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return tunnel_failure(error.status, error.message)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return failure_of(error, "connect")
    if any(isinstance(one, ssl.SSLError) for one in chain(error)):
        return failure_of(error, "target_tls")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Failure("tunnel" if tls else "connect", "eof")
    return failure_of(error, "tunnel" if tls else "connect")


def _insecure() -> aiohttp.ClientConnectionError:
    words = "credentials over plain http:// can be read by every proxy on the way: use https://, or a proxy of your own"
    error: aiohttp.ClientConnectionError = _marked(
        aiohttp.ClientConnectionError(words), None, Failure("connect", "denied"), "insecure_auth"
    )
    return error


def _marked(error: Any, proxy: Proxy | None, failure: Failure, reason: str | None = None) -> Any:
    error.proxy = None if proxy is None else str(proxy)
    error.reason = reason or str(failure)
    return error
