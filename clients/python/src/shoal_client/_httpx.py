"""What ``shoal_client.httpx`` and ``shoal_client.httpx2`` share: the two libraries differ in name only."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any

from shoal_client._blame import failure_of, tunnel_failure
from shoal_client._chooser import Chooser
from shoal_client._policy import DEFAULT_TIMEOUT, IDEMPOTENT, target_of, verdict
from shoal_client._proxy import Proxy
from shoal_client._session import make_supply
from shoal_client._supply import Need
from shoal_client.errors import Failure, NoProxyError, PoolError, Try

SCHEMES = ("http",)
"""Without socksio, httpx speaks to HTTP proxies only; ``filters={"scheme": "http,socks5"}`` asks for more."""
_LEASE_SECONDS = 60.0


def watched_stream(base: type) -> type:
    """A subclass of the library's AsyncByteStream that knows whether it was touched, and tells when it ends."""

    class Watched(base):  # type: ignore[misc]
        def __init__(self, stream: Any, on_end: Callable[[BaseException | None], Awaitable[None]] | None = None):
            self._stream, self._on_end, self.started = stream, on_end, False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            self.started = True
            try:
                async for part in self._stream:
                    yield part
            except Exception as error:  # every kind is passed on; the pool only learns of it
                await self._end(error)
                raise
            await self._end(None)

        async def aclose(self) -> None:
            if hasattr(self._stream, "aclose"):
                await self._stream.aclose()
            await self._end(None)

        async def _end(self, error: BaseException | None) -> None:
            on_end, self._on_end = self._on_end, None
            if on_end is not None:
                await on_end(error)

    return Watched


class _Progress:
    """How far a try came, from httpcore's trace events."""

    def __init__(self, then: Any) -> None:
        self._then = then
        self.stage, self.sent, self.fresh = "connect", False, False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        _, _, what = event.partition(".")
        if what == "connect_tcp.started":
            self.fresh = True
        elif what == "start_tls.started":
            self.stage = "target_tls"
        elif what == "send_request_headers.started":
            own = getattr(info.get("request"), "method", b"") != b"CONNECT"
            self.stage, self.sent = ("send", True) if own else ("tunnel", self.sent)
        elif what == "receive_response_headers.started" and self.sent:
            self.stage = "receive"
        if self._then is not None:
            await self._then(event, info)


class TransportLogic:
    """The transport itself; ``_lib`` is the library's module."""

    _lib: Any
    _watched: type

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
        own: bool = False,
        allow_insecure_auth: bool = False,
        feedback: bool = True,
        transports: int = 32,
        verify: ssl.SSLContext | str | bool = True,
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
            schemes=None if proxy_list is not None else SCHEMES,
        )
        self._chooser = Chooser(supply, lifetime=lifetime, strict=strict)
        self._sticky, self._retries, self._allow_insecure_auth = sticky, retries, allow_insecure_auth
        if isinstance(verify, str):
            verify = ssl.create_default_context(cafile=verify)
        # Made once: each takes milliseconds and a megabyte.
        context = verify if isinstance(verify, ssl.SSLContext) else self._lib.create_ssl_context(verify=verify)
        self._options = {**options, "verify": context, "trust_env": False}
        self._limit = transports
        self._transports: OrderedDict[str, Any] = OrderedDict()
        self._users: dict[str, int] = {}

    async def handle_async_request(self, request: Any) -> Any:
        """One request, through as many proxies as it takes and is safe. Raises the library's own exceptions."""
        request.headers.pop("Proxy-Authorization", None)
        target, tls = target_of(str(request.url))
        key = request.extensions.get("shoal_session", self._sticky)
        limits = dict(request.extensions.get("timeout") or {})
        for name, usual in zip(("connect", "read", "write", "pool"), (*DEFAULT_TIMEOUT, 20.0, 5.0), strict=True):
            if limits.get(name) is None:
                limits[name] = usual
        if not isinstance(request.stream, self._lib.ByteStream):
            request.stream = self._watched(request.stream)
        deadline = time.monotonic() + limits["connect"] + limits["read"]
        tries: list[Try] = []
        exclude: frozenset[str] = frozenset()
        last: BaseException | None = None
        same: Proxy | None = None
        reopened = ""
        trace = request.extensions.get("trace")
        while True:
            try:
                proxy = same or await self._choose(request, Need(target, tls, exclude=exclude), key)
            except (NoProxyError, PoolError) as error:
                if last is not None:
                    raise last from None
                raise self._marked(self._lib.ProxyError(str(error), request=request), None, error.reason) from error
            left = max(0.05, deadline - time.monotonic())
            progress, same = _Progress(trace), None
            bounds = {name: min(value, left) for name, value in limits.items()}
            request.extensions = {**request.extensions, "timeout": bounds, "trace": progress}
            started = time.monotonic()
            try:
                response = await self._send(proxy, request)
            except self._lib.TransportError as error:
                failure, sent = self._failure(error, progress.stage), progress.sent
                stale = not progress.fresh and failure.reason in ("eof", "reset") and proxy.url != reopened
                if stale and request.method.upper() in IDEMPOTENT and not getattr(request.stream, "started", False):
                    # The other end closed a kept connection just as it was used again: nobody's failure.
                    same, reopened = proxy, proxy.url
                    continue
                last = self._marked(error, proxy, str(failure))
                response = None
            else:
                found = verdict(response.status_code, response.headers, proxy, tls=tls)
                if found.failure is None or not found.sure:
                    return self._wrapped(response, proxy, key, time.monotonic() - started, target, tries)
                failure, sent = found.failure, found.forwarded
                last = self._marked(self._lib.ProxyError(failure.detail, request=request), proxy, str(failure))
            tries.append(Try(str(proxy), failure))
            exclude |= {proxy.address}
            self._chooser.done(key, proxy, failure, None, target)
            if response is not None:
                await response.aclose()
                await self._leave(proxy)
            safe = (not sent or request.method.upper() in IDEMPOTENT) and not getattr(request.stream, "started", False)
            strict = key is not None and self._chooser.strict
            if not safe or strict or len(tries) > self._retries or deadline - time.monotonic() < 0.05:
                raise last
            self._chooser.drop(key, proxy)

    async def aclose(self) -> None:
        """End all connections and leases; waits up to a second for the last reports."""
        transports, self._transports = self._transports, OrderedDict()
        for transport in transports.values():
            await transport.aclose()
        await asyncio.to_thread(self._chooser.close)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _choose(self, request: Any, need: Need, key: str | None) -> Proxy:
        bare = not need.tls and "Authorization" in request.headers and not self._allow_insecure_auth
        if bare:
            need = Need(need.target, need.tls, own=True, exclude=need.exclude)
        try:
            proxy = await asyncio.to_thread(self._chooser.choose, need, key, _LEASE_SECONDS)
        except NoProxyError:
            if not bare or need.exclude:
                raise
            proxy = None
        if proxy is None or (bare and not proxy.own):
            words = "credentials over plain http:// can be read by every proxy on the way: use https://, or a proxy "
            error = self._lib.LocalProtocolError(words + "of your own", request=request)
            raise self._marked(error, None, "insecure_auth")
        return proxy

    async def _send(self, proxy: Proxy, request: Any) -> Any:
        transport = self._transports.pop(proxy.url, None)
        if transport is None:
            through = self._lib.Proxy(proxy.url.partition("#")[0])
            transport = self._lib.AsyncHTTPTransport(proxy=through, **self._options)
        self._transports[proxy.url] = transport
        self._users[proxy.url] = self._users.get(proxy.url, 0) + 1
        try:
            return await transport.handle_async_request(request)
        except BaseException:
            await self._leave(proxy)
            raise

    async def _leave(self, proxy: Proxy) -> None:
        """One request less on this proxy; what nobody uses and is too much, or for once only, is closed."""
        self._users[proxy.url] -= 1
        if not self._users[proxy.url]:
            del self._users[proxy.url]
            if proxy.once and proxy.url in self._transports:
                await self._transports.pop(proxy.url).aclose()
        idle = [url for url in self._transports if url not in self._users]
        for url in idle[: max(0, len(self._transports) - self._limit)]:
            transport = self._transports.pop(url, None)
            if transport is not None:
                await transport.aclose()

    def _wrapped(
        self, response: Any, proxy: Proxy, key: str | None, latency: float, target: str, tries: list[Try]
    ) -> Any:
        async def ended(error: BaseException | None) -> None:
            failure = None if error is None else self._failure(error, "receive")
            self._chooser.done(key, proxy, failure, latency, target)
            await self._leave(proxy)

        response.stream = self._watched(response.stream, ended)
        response.extensions = {**response.extensions, "shoal_proxy": str(proxy), "shoal_tries": tuple(tries)}
        return response

    def _failure(self, error: BaseException, stage: str) -> Failure:
        """Why it failed at ``stage``."""
        lib = self._lib
        if isinstance(error, lib.ProxyError):
            status = re.match(r"(\d{3})\b", str(error))
            return tunnel_failure(int(status[1])) if status else Failure("handshake", "malformed")
        if isinstance(error, lib.PoolTimeout | lib.UnsupportedProtocol):
            return Failure("connect", "local_limit")
        if isinstance(error, lib.TimeoutException):
            return Failure(stage, "timeout")
        if isinstance(error, lib.ConnectError):
            return failure_of(error, stage)
        if isinstance(error, lib.RemoteProtocolError):
            ended = "disconnect" in str(error) or "closed" in str(error)
            return Failure(stage, "eof" if ended else "malformed")
        return Failure(stage, "reset")

    @staticmethod
    def _marked(error: Any, proxy: Proxy | None, reason: str) -> Any:
        error.proxy = None if proxy is None else str(proxy)
        error.reason = reason
        return error
