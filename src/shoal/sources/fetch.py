"""Reading one URL: conditional, bounded in time, size and redirects, and only from addresses that were checked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from shoal import __version__
from shoal.domain import Proxy, Refused, Trust
from shoal.domain.address import canonical_host, is_ip
from shoal.options import SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.ports import ResolveError, Resolver, SourceError, WayOut
from shoal.sources.inflate import ACCEPTED, BodyError, Inflater
from shoal.sources.through import proxy_transport
from shoal.upstream import printable

if TYPE_CHECKING:
    import httpx2

USER_AGENT = f"shoal/{__version__} (+proxy list reader)"
_ADDRESSES_TRIED = 3
_PROXIES_TRIED = 3
"""Proxies of the pool that one run asks: half of them fail, so one in eight runs finds none that works."""
_PROXY_STATUSES = frozenset({407, 502, 503, 504})
"""What a proxy answers on its own behalf."""
_VALIDATOR_LIMIT_BYTES = 512
"""A longer ETag is not kept: it would be stored and sent back with each request."""


class Fetched(Struct, frozen=True):
    """One document. ``unchanged`` is a 304, then ``body`` is empty. ``bytes_read`` counts what came over the wire."""

    body: bytes = b""
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None
    unchanged: bool = False
    bytes_read: int = 0


class Fetcher:
    """GET for lists.

    The address that the resolver allowed is the one dialled, at every redirect anew, so that no name can lead inside
    between check and use; TLS still verifies the name. Environment proxies, netrc and cookies are not used. A user name
    and password in the URL go to that host alone.
    """

    def __init__(
        self,
        options: SourceOptions,
        resolver: Resolver,
        *,
        ssl_context: ssl.SSLContext | None = None,
        rules: AddressRules | None = None,
    ) -> None:
        self._options = options
        self._resolver = resolver
        self._ssl_context = ssl_context
        self._rules = rules

    async def get(
        self,
        url: str,
        trust: Trust,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        headers: Mapping[str, str] | None = None,
        through: Proxy | WayOut | None = None,
    ) -> Fetched:
        """The document behind a URL, or ``unchanged`` when the validators still hold. Raises ``SourceError``.

        ``headers`` go where a password in the URL may go. ``through`` a proxy of the user's own, always; through the
        pool, only where the site does not serve us directly.
        """
        validators = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        sent = {name: value for name, value in validators.items() if value}

        def trip() -> _Trip:
            return _Trip(url, trust, sent, headers or {})

        if through is None or isinstance(through, Proxy):
            return await self._travel(trip(), through, Trust.OWN)
        try:
            return await self._travel(trip(), None, Trust.OWN)
        except SourceError as error:
            failure = error
        for _ in range(_PROXIES_TRIED):
            pick = through.pick()
            if pick is None:
                break
            attempt = trip()
            try:
                got = await self._travel(attempt, pick.proxy, pick.record.trust)
            except SourceError as error:
                through.report(pick, attempt.answered)
                failure = SourceError(
                    str(error), network=error.network, wire_bytes=failure.wire_bytes + error.wire_bytes
                )
            else:
                through.report(pick, True)
                return got
        raise failure

    async def _travel(self, trip: _Trip, proxy: Proxy | None, proxy_trust: Trust) -> Fetched:
        import httpx2  # takes 60 ms, which `shoal --help` should not pay

        trip.is_proxied = proxy is not None
        try:
            async with asyncio.timeout(self._options.timeout), await self._client(proxy, proxy_trust) as client:
                return await self._follow(client, trip)
        except SourceError as error:
            error.wire_bytes = trip.wire_bytes
            raise
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, ResolveError, BodyError) as error:
            raise _explain(error, trip, self._options.timeout) from error

    async def _client(self, proxy: Proxy | None, proxy_trust: Trust) -> httpx2.AsyncClient:
        import httpx2

        if self._ssl_context is None:
            self._ssl_context = httpx2.create_ssl_context()
        # A client for one document: connections and cookies are not carried from one site's answer to another's.
        timeout = httpx2.Timeout(self._options.timeout, connect=self._options.timeout / _ADDRESSES_TRIED)
        if proxy is None:
            return httpx2.AsyncClient(verify=self._ssl_context, trust_env=False, timeout=timeout)
        endpoint = proxy.endpoint
        address = (await self._resolver.resolve(endpoint.host, endpoint.port, proxy_trust))[0]
        transport = proxy_transport(proxy, address, self._ssl_context)
        return httpx2.AsyncClient(transport=transport, trust_env=False, timeout=timeout)

    async def _follow(self, client: httpx2.AsyncClient, trip: _Trip) -> Fetched:
        import httpx2

        start = url = httpx2.URL(trip.url)
        for _ in range(self._options.redirects + 1):
            trip.host = url.host or trip.host
            response = await self._send(client, trip, url, with_password=_same_site(start, url))
            trip.answered = not (trip.is_proxied and response.status_code in _PROXY_STATUSES)
            try:
                if not response.has_redirect_location:
                    return await self._receive(response, trip)
                location = response.headers["Location"]
            finally:
                await response.aclose()
            client.cookies.clear()
            target = url.join(location)
            if url.scheme == "https" and target.scheme != "https":
                raise SourceError(f"{trip.host} redirects from https to {target.scheme}, which is not followed.")
            url = target
        raise SourceError(f"{trip.host} redirects more than {self._options.redirects} times.")

    async def _send(
        self, client: httpx2.AsyncClient, trip: _Trip, url: httpx2.URL, *, with_password: bool
    ) -> httpx2.Response:
        """Dial the addresses that the resolver allows, one after another, until one accepts."""
        import httpx2

        if url.scheme not in ("http", "https"):
            raise SourceError(
                f"{trip.host} leads to a {url.scheme or 'relative'} address; only http and https are read."
            )
        host = canonical_host(url.raw_host.decode("ascii"))
        if isinstance(host, Refused):
            raise SourceError(f"{url.host!r} is not a host that can be asked.")
        port = url.port or (443 if url.scheme == "https" else 80)
        auth = trip.password if with_password else None
        own_headers = trip.headers if with_password else {}
        headers = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "Accept-Encoding": ACCEPTED,
            **trip.validators,
            **own_headers,
        }
        failure: httpx2.HTTPError = httpx2.ConnectError("no address")
        for address in await self._addresses(host, port, trip):
            there = url.copy_with(host=address, username="", password="", fragment=None)
            request = client.build_request("GET", there, headers=headers, extensions={"sni_hostname": host})
            try:
                return await client.send(request, stream=True, auth=auth, follow_redirects=False)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int, trip: _Trip) -> tuple[str, ...]:
        """What to dial. A proxy resolves names itself, as it must where ours lie about a blocked site."""
        if not trip.is_proxied or is_ip(host):
            return (await self._resolver.resolve(host, port, trip.trust))[:_ADDRESSES_TRIED]
        why = None if self._rules is None else self._rules.refusal(host, trip.trust)
        if why is not None:
            raise ResolveError(f"{host} may not be dialled ({why.value}).", why)
        return (host,)

    async def _receive(self, response: httpx2.Response, trip: _Trip) -> Fetched:
        status, headers = response.status_code, response.headers
        if status == 304 and trip.validators:
            return Fetched(unchanged=True)
        if status not in (200, 203):
            raise SourceError(f"{trip.host} answered {status} {response.reason_phrase}".rstrip() + ".")
        inflater = Inflater(headers.get("Content-Encoding", ""), self._options.size_limit_bytes)
        body = bytearray()
        carried = trip.wire_bytes
        async for piece in response.aiter_raw(65_536):
            trip.wire_bytes = carried + response.num_bytes_downloaded
            body += inflater.feed(piece)
        inflater.close()
        return Fetched(
            body=bytes(body),
            content_type=headers.get("Content-Type", ""),
            etag=_validator(headers.get("ETag")),
            last_modified=_validator(headers.get("Last-Modified")),
            bytes_read=response.num_bytes_downloaded,
        )


class _Trip:
    """One ``get`` on its way through redirects."""

    def __init__(self, url: str, trust: Trust, validators: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self.url = url
        self.trust = trust
        self.validators = validators
        self.headers = headers
        self.is_proxied = False
        self.wire_bytes = 0
        self.host = "The source"
        self.answered = False

    @property
    def password(self) -> tuple[str, str] | None:
        import httpx2

        url = httpx2.URL(self.url)
        return (url.username, url.password) if url.userinfo else None


def _same_site(start: httpx2.URL, url: httpx2.URL) -> bool:
    """True where the start's password may go: the same origin, or the same host on https's own port."""
    if (start.scheme, start.host, start.port) == (url.scheme, url.host, url.port):
        return True
    return start.host == url.host and start.port is None and url.scheme == "https" and url.port is None


def _validator(value: str | None) -> str | None:
    return value if value and value.isascii() and len(value) <= _VALIDATOR_LIMIT_BYTES else None


def _explain(error: Exception, trip: _Trip, timeout: float) -> SourceError:
    """The one place where what went wrong becomes a sentence. Never the URL: it may hold a password or a token."""
    explained = _explained(error, trip, timeout)
    explained.wire_bytes = trip.wire_bytes
    return explained


def _explained(error: Exception, trip: _Trip, timeout: float) -> SourceError:
    import httpx2

    host = trip.host
    match error:
        case ResolveError():
            return SourceError(str(error), network=error.refused is None)
        case BodyError():
            return SourceError(f"{host} sent {error}.")
        case httpx2.InvalidURL():
            return SourceError(f"{host} gives an address that cannot be understood.")
        case TimeoutError() | httpx2.TimeoutException():
            done = "finish" if trip.answered else "answer"
            return SourceError(f"{host} did not {done} within {timeout:g} s.", network=not trip.answered)
        case httpx2.ProxyError():
            return SourceError(f"{host} cannot be read through the proxy ({printable(str(error))}).", network=True)
        case httpx2.ConnectError() if trip.is_proxied and not _is_tls(error):
            return SourceError(f"{host} cannot be read: the proxy does not answer.", network=True)
        case httpx2.ConnectError():
            return _explain_connect(error, host)
        case httpx2.ReadError() | httpx2.WriteError():
            return SourceError(f"{host} broke the connection off.", network=not trip.answered)
        case _:
            return SourceError(f"{host} does not speak proper HTTP ({error}).")


def _is_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _explain_connect(error: Exception, host: str) -> SourceError:
    reason = "no answer"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceError(f"{host} does not prove its identity ({cause.verify_message}).")
        if isinstance(cause, ssl.SSLError):
            return SourceError(f"{host} does not speak TLS that can be trusted ({cause.reason or 'no reason given'}).")
        if isinstance(cause, OSError) and cause.strerror:
            reason = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return SourceError(f"{host} cannot be reached ({reason}).", network=True)
