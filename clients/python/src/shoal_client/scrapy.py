"""For Scrapy: ``DOWNLOADER_MIDDLEWARES = {"shoal_client.scrapy.ShoalMiddleware": 749}``.

749 is just before Scrapy's own HttpProxyMiddleware, which takes the password out of the URL. Settings: ``SHOAL_URL``,
``SHOAL_TOKEN``, ``SHOAL_FILTERS``, or ``SHOAL_GATEWAY`` or ``SHOAL_PROXY_LIST`` instead of the pool; ``SHOAL_TIMEOUT``
(30: seconds that a request may take; a shorter DOWNLOAD_TIMEOUT holds), ``SHOAL_OWN``, ``SHOAL_ALLOW_INSECURE_AUTH``,
``SHOAL_ENABLED``. ``request.meta["shoal_session"]`` keeps one proxy for that name; a request with a ``proxy`` of its
own, or with ``shoal`` False, is left alone. Scrapy's RetryMiddleware decides what is tried again, and each further try
gets another proxy. Scrapy speaks to HTTP proxies only.
"""

from __future__ import annotations

import time
from typing import Any

try:
    from scrapy import signals
    from scrapy.downloadermiddlewares.retry import get_retry_request
    from scrapy.exceptions import IgnoreRequest, NotConfigured
    from scrapy.http import Request, Response
    from scrapy.utils.defer import maybe_deferred_to_future
except ImportError as error:
    raise ImportError("shoal_client.scrapy needs Scrapy 2.13 or newer: pip install scrapy") from error

from requests.structures import CaseInsensitiveDict
from twisted.internet.threads import deferToThread

from shoal_client._blame import failure_of, tunnel_failure
from shoal_client._chooser import Chooser
from shoal_client._policy import target_of, verdict
from shoal_client._proxy import Proxy
from shoal_client._session import make_supply
from shoal_client._supply import Need
from shoal_client.errors import Failure, NoProxyError, ShoalError

__all__ = ["ShoalMiddleware"]

_OWN_META = "_shoal"
_LEASE_SECONDS = 300.0


class ShoalMiddleware:
    """A downloader middleware. Without a proxy a request is ignored, never sent directly."""

    def __init__(self, chooser: Chooser, *, timeout: float, allow_insecure_auth: bool, crawler: Any) -> None:
        self._chooser = chooser
        self._timeout = timeout
        self._allow_insecure_auth = allow_insecure_auth
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Any) -> ShoalMiddleware:
        """Raises NotConfigured when ``SHOAL_ENABLED`` is False or the settings cannot stand."""
        settings = crawler.settings
        if not settings.getbool("SHOAL_ENABLED", True):
            raise NotConfigured
        try:
            supply = make_supply(
                settings.get("SHOAL_URL"),
                token=settings.get("SHOAL_TOKEN"),
                gateway=settings.get("SHOAL_GATEWAY"),
                proxy_list=settings.getlist("SHOAL_PROXY_LIST") or None,
                filters=settings.getdict("SHOAL_FILTERS"),
                own=settings.getbool("SHOAL_OWN"),
                schemes=("http",),
            )
        except ValueError as error:
            raise NotConfigured(str(error)) from error
        middleware = cls(
            Chooser(supply),
            timeout=settings.getfloat("SHOAL_TIMEOUT", 30.0),
            allow_insecure_auth=settings.getbool("SHOAL_ALLOW_INSECURE_AUTH"),
            crawler=crawler,
        )
        crawler.signals.connect(middleware.spider_closed, signal=signals.spider_closed)
        return middleware

    async def process_request(self, request: Request) -> None:
        """Choose a proxy, away from the reactor."""
        if request.meta.get("shoal") is False or "proxy" in request.meta:
            return
        request.headers.pop(b"Proxy-Authorization", None)
        target, tls = target_of(request.url)
        bare = not tls and b"Authorization" in request.headers and not self._allow_insecure_auth
        exclude = frozenset(request.meta.get("shoal_tried", ()))
        need = Need(target, tls, own=bare, exclude=exclude)
        key = request.meta.get("shoal_session")
        try:
            proxy = await maybe_deferred_to_future(deferToThread(self._chooser.choose, need, key, _LEASE_SECONDS))
        except ShoalError as error:
            if bare and isinstance(error, NoProxyError):
                raise IgnoreRequest(_INSECURE) from error
            raise IgnoreRequest(str(error)) from error
        if bare and not proxy.own:
            raise IgnoreRequest(_INSECURE)
        request.meta["proxy"] = proxy.url.partition("#")[0]
        # Scrapy's own default of three minutes stands there already; a proxy that hangs up at CONNECT costs all of it.
        request.meta["download_timeout"] = min(self._timeout, request.meta.get("download_timeout") or self._timeout)
        request.meta[_OWN_META] = (proxy, time.monotonic())
        request.meta["shoal_proxy"] = str(proxy)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Tell the pool; a proxy's own refusal goes to the retries."""
        taken = self._take_off(request)
        if taken is None:
            return response
        proxy, started = taken
        target, tls = target_of(request.url)
        headers = CaseInsensitiveDict(
            {
                name.decode("latin-1"): values[-1].decode("latin-1")
                for name, values in response.headers.items()
                if values
            }
        )
        found = verdict(response.status, headers, proxy, tls=tls)
        failure = found.failure if found.sure else None
        self._chooser.done(request.meta.get("shoal_session"), proxy, failure, time.monotonic() - started, target)
        if failure is None:
            return response
        self._note(request, proxy)
        again = get_retry_request(request, spider=self._crawler.spider, reason=f"proxy: {failure}")
        return response if again is None else again

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Tell the pool; what is done about it is RetryMiddleware's decision."""
        taken = self._take_off(request)
        if taken is None:
            return
        proxy, _ = taken
        target, tls = target_of(request.url)
        failure = _failure(exception, tls=tls)
        self._chooser.done(request.meta.get("shoal_session"), proxy, failure, None, target)
        self._note(request, proxy)

    async def spider_closed(self) -> None:
        """Give back what is held."""
        await maybe_deferred_to_future(deferToThread(self._chooser.close))

    def _take_off(self, request: Request) -> tuple[Proxy, float] | None:
        """Off with what this middleware put on: a copy of the request shall get another proxy."""
        taken: tuple[Proxy, float] | None = request.meta.pop(_OWN_META, None)
        if taken is not None:
            for name in ("proxy", "_auth_proxy"):
                request.meta.pop(name, None)
            request.headers.pop(b"Proxy-Authorization", None)
        return taken

    def _note(self, request: Request, proxy: Proxy) -> None:
        tried = [*request.meta.get("shoal_tried", ()), proxy.address]
        request.meta["shoal_tried"] = tried[-10:]
        self._chooser.drop(request.meta.get("shoal_session"), proxy)


_INSECURE = "credentials over plain http:// can be read by every proxy on the way: use https://, or a proxy of your own"


def _failure(error: BaseException, *, tls: bool) -> Failure:
    """Twisted's and Scrapy's exceptions by name: their modules differ between versions."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "TunnelError" in names:
        words = str(error)
        status = next((int(word) for word in words.replace("[", " ").split() if word.isdigit() and len(word) == 3), 0)
        return tunnel_failure(status) if status else Failure("tunnel", "malformed")
    if names & {"ConnectionRefusedError", "DownloadConnectionRefusedError"}:
        return Failure("connect", "refused")
    if names & {"TCPTimedOutError", "ConnectError", "CannotResolveHostError", "DNSLookupError"}:
        return Failure("connect", "timeout" if "TCPTimedOutError" in names else "unreachable")
    if names & {"TimeoutError", "DownloadTimeoutError"}:
        return Failure("receive", "timeout")
    if names & {"ConnectionLost", "ConnectionDone", "ResponseNeverReceived", "ResponseFailed", "DownloadFailedError"}:
        return Failure("receive", "eof")
    return failure_of(error, "receive")
