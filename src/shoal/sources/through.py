"""The way to a site through a proxy."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shoal.domain import Proxy, Scheme
from shoal.upstream import Target, UpstreamPlan
from shoal.wire import ProtocolError

if TYPE_CHECKING:
    import httpx2

USABLE = frozenset({Scheme.HTTP, Scheme.SOCKS4, Scheme.SOCKS4A, Scheme.SOCKS5})
"""Schemes of proxies through which lists are read."""
_PIECE_BYTES = 65_536


def proxy_transport(proxy: Proxy, address: str, context: ssl.SSLContext) -> httpx2.AsyncBaseTransport:
    """A transport that dials ``address``, where the proxy listens, for every request."""
    import httpcore2
    import httpx2

    if proxy.scheme is Scheme.HTTP:
        host = f"[{address}]" if ":" in address else address
        known = proxy.credentials
        auth = None if known is None else (known.username, known.password)
        url = f"http://{host}:{proxy.endpoint.port}"
        return httpx2.AsyncHTTPTransport(verify=context, trust_env=False, proxy=httpx2.Proxy(url, auth=auth))

    class Socks(httpcore2.AsyncNetworkBackend):
        """Connections whose bytes go through the proxy; TLS to the site is laid over them as over any other."""

        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore2.AsyncNetworkStream:
            stream = await httpcore2.AnyIOBackend().connect_tcp(address, proxy.endpoint.port, timeout)
            try:
                plan = UpstreamPlan(proxy, Target(host, port))
                plan.start()
                await stream.write(plan.data_to_send(), timeout)
                while not plan.ready:
                    data = await stream.read(_PIECE_BYTES, timeout)
                    if not data:
                        plan.receive_eof()
                    if plan.receive_data(data):
                        raise httpcore2.ProxyError("it talks before it is asked")
                    if reply := plan.data_to_send():
                        await stream.write(reply, timeout)
            except ProtocolError as error:
                await stream.aclose()
                raise httpcore2.ProxyError(str(error)) from error
            except BaseException:
                await stream.aclose()
                raise
            return stream

    transport = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
    # The transport translates exceptions and streams; only where its bytes go is ours, and it has no parameter for it.
    transport._pool = httpcore2.AsyncConnectionPool(ssl_context=context, network_backend=Socks())
    return transport
