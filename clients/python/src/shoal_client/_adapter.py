"""PoolAdapter: the transport of requests that goes through a proxy, and through another where that is safe."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import requests.exceptions as base
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy

from shoal_client import errors
from shoal_client._blame import class_for, failure_of
from shoal_client._body import Body
from shoal_client._chooser import Chooser
from shoal_client._policy import IDEMPOTENT, Policy, Verdict, retry_after, target_of, timeouts, verdict
from shoal_client._progress import POOLS, SOCKS_POOLS, Progress, watched
from shoal_client._proxy import Proxy, hidden, parse_proxy
from shoal_client._supply import Need
from shoal_client.errors import Failure, Try

_SHORTEST = 0.05
"""Seconds: with less than this left no other try begins."""
_LEASE_SECONDS = 60.0
"""How long a proxy is held at least for one request that wants it alone."""
_TRANSPORT_ERRORS = (base.ConnectionError, base.Timeout, base.ChunkedEncodingError, base.ContentDecodingError)


@dataclass
class Journey:
    """One call by the user, with all its redirects and further rounds of authentication: they keep one proxy."""

    key: str | None = None
    proxy: Proxy | None = None


current: ContextVar[Journey | None] = ContextVar("shoal_client_journey", default=None)


class ProxiedResponse(Response):
    """A Response that knows its proxy, and tells when its content breaks off."""

    proxy: str | None = None
    """URL of the proxy, with ``***`` for its password."""
    tries: tuple[Try, ...] = ()
    """What failed before."""
    _on_end: Callable[[BaseException | None], None] | None = None

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: Any = False) -> Iterator[Any]:
        """As in requests; errors have ``proxy`` and ``reason``, and the pool learns of them."""
        return self._told(super().iter_content(chunk_size, decode_unicode))

    def _told(self, chunks: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from chunks
        except _TRANSPORT_ERRORS as error:
            failure = failure_of(error, "receive")
            self._end(error)
            message = f"{self.url}: the answer broke off ({failure}) through proxy {self.proxy}"
            kind = class_for(failure, error)
            raise kind(message, proxy=self.proxy, failure=failure, request=self.request, response=self) from error
        self._end(None)

    def close(self) -> None:
        super().close()
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        ended, self._on_end = self._on_end, None
        if ended is not None:
            ended(error)


@dataclass
class _Attempts:
    """What became of one request so far."""

    deadline: float
    left: int
    tries: list[Try] = field(default_factory=list)
    exclude: frozenset[str] = frozenset()
    doubtful: Response | None = None
    error: BaseException | None = None
    response: Response | None = None
    """The last answer that was the proxy's own."""
    reopened: str = ""
    same: Proxy | None = None
    """To be tried once more, by a fresh connection."""

    def add(
        self, proxy: Proxy, failure: Failure, error: BaseException | None = None, response: Response | None = None
    ) -> None:
        self.error, self.response = error, response
        self.tries.append(Try(str(proxy), failure))
        self.exclude |= {proxy.address}

    def may_go_on(self) -> bool:
        return self.left > 0 and self.deadline - time.monotonic() > _SHORTEST


class PoolAdapter(HTTPAdapter):
    """``managers`` proxy managers are kept at most; requests alone keeps one per proxy for ever."""

    def __init__(self, chooser: Chooser, policy: Policy, *, own: bool = False, managers: int = 32) -> None:
        self.chooser = chooser
        self.policy = policy
        self._own = own
        self._managers = managers
        self._lock = threading.Lock()
        # One layer decides about retries, and it is this one.
        super().__init__(pool_connections=8, pool_maxsize=8, max_retries=0)
        self.proxy_manager: OrderedDict[str, Any] = OrderedDict()

    # -- connections ---------------------------------------------------------------------------------------------

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The least recently used goes; connections in use end undisturbed and are not kept."""
        with self._lock:
            if proxy in self.proxy_manager:
                self.proxy_manager.move_to_end(proxy)
                return self.proxy_manager[proxy]
            manager = super().proxy_manager_for(proxy, **proxy_kwargs)
            manager.pool_classes_by_scheme = SOCKS_POOLS if proxy.lower().startswith("socks") else POOLS
            while len(self.proxy_manager) > self._managers:
                self.proxy_manager.popitem(last=False)[1].clear()
            return manager

    def _forget(self, url: str) -> None:
        with self._lock:
            manager = self.proxy_manager.pop(url, None)
        if manager is not None:
            manager.clear()

    def close(self) -> None:
        with self._lock:
            super().close()
            self.proxy_manager.clear()

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        """As in requests, as a ProxiedResponse."""
        response = ProxiedResponse()
        response.__dict__.update(super().build_response(req, resp).__dict__)
        return response

    # -- one request ---------------------------------------------------------------------------------------------

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Raises the classes of ``requests.exceptions`` as ``shoal_client.errors`` derives them."""
        connect, read = timeouts(timeout, self.policy.timeout)
        # All tries together take no longer than one request of requests may: that is what a script's timeout meant.
        state = _Attempts(time.monotonic() + connect + read, self.policy.retries)
        # This field is the connection's, never the request's: inside a tunnel it would reach the site.
        request.headers.pop("Proxy-Authorization", None)
        given = select_proxy(request.url or "", proxies)
        fixed = None if given is None else parse_proxy(str(given), own=self._own)
        journey = current.get() or Journey()
        body = Body(request)
        while True:
            try:
                same, state.same = state.same, None
                proxy = fixed or same or self._choose(request, journey, state, max(_LEASE_SECONDS, connect + read))
            except _NothingLeft:
                if state.doubtful is not None:
                    return state.doubtful
                raise _failed(request, state) from state.error
            remaining = max(_SHORTEST, state.deadline - time.monotonic())
            limits = (min(connect, remaining), min(read, remaining))
            answer = self._try(request, proxy, journey, stream, limits, verify, cert)
            if isinstance(answer, Response):
                again = self._judge(request, answer, proxy, journey, state, body, fixed is not None)
            else:
                again = self._recover(request, answer, proxy, journey, state, body, fixed is not None)
            if isinstance(again, Response):
                return again

    def _choose(self, request: PreparedRequest, journey: Journey, state: _Attempts, seconds: float) -> Proxy:
        target, tls = target_of(request.url or "")
        bare = not tls and "Authorization" in request.headers and not self.policy.allow_insecure_auth
        need = Need(target, tls, own=bare, exclude=state.exclude)
        kept = journey.proxy
        # What was taken for one request alone went back with its answer.
        lent = kept is not None and (kept.once or (kept.lease is not None and journey.key is None))
        if kept is not None and not lent and kept.address not in state.exclude and need.is_met_by(kept):
            return kept
        try:
            proxy = self.chooser.choose(need, journey.key, seconds)
        except errors.NoProxyError as error:
            if state.doubtful is not None or state.tries:
                # The list of what was tried says more than that nothing is left.
                raise _NothingLeft from error
            if bare:
                raise _refusal(request) from error
            error.request = request
            raise
        except errors.PoolError as error:
            error.request = request
            raise
        journey.proxy = proxy
        return proxy

    def _try(
        self,
        request: PreparedRequest,
        proxy: Proxy,
        journey: Journey,
        stream: bool,
        limits: tuple[float, float],
        verify: Any,
        cert: Any,
    ) -> Response | tuple[BaseException, Progress]:
        target, tls = target_of(request.url or "")
        if not tls and "Authorization" in request.headers and not (proxy.own or self.policy.allow_insecure_auth):
            raise _refusal(request)
        if (request.method or "").upper() not in IDEMPOTENT:
            # A kept connection may have been closed meanwhile, and then this could not be sent again.
            self._forget(proxy.url)
        started = time.monotonic()
        with watched() as progress:
            try:
                through = {"http": proxy.url, "https": proxy.url}
                response = super().send(request, stream, limits, verify, cert, through)
                latency = time.monotonic() - started
                assert isinstance(response, ProxiedResponse)
                response.proxy = str(proxy)
                if not stream:
                    _ = response.content  # here, where a broken answer can still be asked for again
            except _TRANSPORT_ERRORS as error:
                return error, progress
            finally:
                if proxy.once:
                    self._forget(proxy.url)
        response._on_end = None if not stream else self._ender(proxy, journey, latency, target)
        response.__dict__["_latency"] = latency
        return response

    def _ender(
        self, proxy: Proxy, journey: Journey, latency: float, target: str
    ) -> Callable[[BaseException | None], None]:
        def ended(error: BaseException | None) -> None:
            failure = None if error is None else failure_of(error, "receive")
            self.chooser.done(journey.key, proxy, failure, latency, target)

        return ended

    def _judge(
        self,
        request: PreparedRequest,
        response: Response,
        proxy: Proxy,
        journey: Journey,
        state: _Attempts,
        body: Body,
        fixed: bool,
    ) -> Response | None:
        """An answer: give it to the user, or None to try again. Raises ProxyError for a proxy's own last word."""
        assert isinstance(response, ProxiedResponse)
        _, tls = target_of(request.url or "")
        found = verdict(response.status_code, response.headers, proxy, tls=tls)
        idempotent = (request.method or "").upper() in IDEMPOTENT
        if found.failure is None:
            wait = retry_after(response.status_code, response.headers)
            left = state.deadline - time.monotonic()
            waits = wait is not None and wait <= self.policy.max_wait and wait < left - _SHORTEST
            if wait is not None and waits and state.left > 0 and idempotent and body.rewind():
                self._tell(response, proxy, journey, None)
                response.close()
                state.left -= 1
                time.sleep(wait)
                return None
            return self._deliver(response, proxy, journey, state)
        doubted = state.doubtful
        if not found.sure and doubted is not None and doubted.status_code == response.status_code:
            # Two proxies that say the same are believed: it is the site that says so.
            return self._deliver(response, proxy, journey, state)
        self._tell(response, proxy, journey, found.failure)
        state.add(proxy, found.failure, response=response)
        again = state.may_go_on() and not self._bound(journey, fixed)
        if again and (idempotent or not found.forwarded) and body.rewind():
            state.left -= 1
            self._keep(response, found, state)
            self._leave(proxy, journey)
            return None
        if found.sure:
            response.close()
            raise _failed(request, state)
        return self._deliver(response, proxy, journey, state, told=True)

    def _recover(
        self,
        request: PreparedRequest,
        broken: tuple[BaseException, Progress],
        proxy: Proxy,
        journey: Journey,
        state: _Attempts,
        body: Body,
        fixed: bool,
    ) -> Response | None:
        """A try that failed: None to try again, or what was kept for want of better. Raises otherwise."""
        error, progress = broken
        failure = failure_of(error, progress.stage)
        idempotent = (request.method or "").upper() in IDEMPOTENT
        # When the other end closes a kept connection just as it is used again, that is nobody's failure.
        stale = progress.reused and failure.reason in ("eof", "reset") and proxy.url != state.reopened
        if stale and idempotent and body.rewind():
            state.reopened, state.same = proxy.url, proxy
            self._forget(proxy.url)
            return None
        target, _ = target_of(request.url or "")
        self.chooser.done(journey.key, proxy, failure, None, target)
        state.add(proxy, failure, error)
        safe = not progress.sent or idempotent
        bound = self._bound(journey, fixed)
        if not bound:
            self._leave(proxy, journey)
        rewound = body.rewind()
        if safe and rewound and not bound and state.may_go_on():
            state.left -= 1
            return None
        if state.doubtful is not None:
            return state.doubtful
        note = "" if rewound else "; the upload had begun and its body cannot be rewound: give a file that can seek"
        raise _failed(request, state, note) from error

    def _bound(self, journey: Journey, fixed: bool) -> bool:
        """Whether another proxy is out of the question."""
        return fixed or (journey.key is not None and self.chooser.strict)

    def _leave(self, proxy: Proxy, journey: Journey) -> None:
        self.chooser.drop(journey.key, proxy)
        journey.proxy = None
        if not proxy.gateway:
            self._forget(proxy.url)

    def _keep(self, response: ProxiedResponse, found: Verdict, state: _Attempts) -> None:
        if state.doubtful is not None:
            state.doubtful.close()
        state.doubtful = None
        if found.sure:
            response.close()
        else:
            state.doubtful = response

    def _tell(self, response: ProxiedResponse, proxy: Proxy, journey: Journey, failure: Failure | None) -> None:
        response._on_end = None
        target, _ = target_of(response.url or "")
        self.chooser.done(journey.key, proxy, failure, response.__dict__["_latency"], target)

    def _deliver(
        self, response: ProxiedResponse, proxy: Proxy, journey: Journey, state: _Attempts, told: bool = False
    ) -> Response:
        if not told and response._on_end is None:
            self._tell(response, proxy, journey, None)
        if state.doubtful is not None and state.doubtful is not response:
            state.doubtful.close()
        response.tries = tuple(state.tries)
        return response


class _NothingLeft(Exception):
    """Inside: no proxy is left to try."""


def _refusal(request: PreparedRequest) -> errors.InsecureAuthError:
    return errors.InsecureAuthError(
        f"{_shown(request)}: credentials over plain http:// can be read by every proxy on the way. Use https://, or a "
        "proxy of your own; allow_insecure_auth=True sends them all the same",
        reason="insecure_auth",
        request=request,
    )


def _shown(request: PreparedRequest) -> str:
    """Method and URL without query, which may hold secrets."""
    return f"{request.method} {hidden((request.url or '').partition('?')[0])}"


def _failed(request: PreparedRequest, state: _Attempts, note: str = "") -> errors.ShoalError:
    """The last try's failure, as the class that fits."""
    tries = tuple(state.tries)
    last = tries[-1]
    failure = last.failure
    count = f" ({len(tries)} proxies tried)" if len(tries) > 1 else ""
    detail = f", {failure.detail}" if failure.detail else ""
    message = f"{_shown(request)} failed at {failure}{detail}, through proxy {last.proxy}{count}{note}"
    kind = class_for(failure, state.error) if failure.reason != "bad_status" else errors.ProxyError
    return kind(message, proxy=last.proxy, failure=failure, tries=tries, request=request, response=state.response)
