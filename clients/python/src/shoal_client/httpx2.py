"""A transport for httpx2: ``httpx2.AsyncClient(transport=AsyncTransport("http://127.0.0.1:5010"))``.

Responses tell their proxy in ``response.extensions["shoal_proxy"]``; errors have ``proxy`` and ``reason``. A request
with ``extensions={"shoal_session": "name"}`` keeps one proxy for that name.
"""

from __future__ import annotations

try:
    import httpx2
except ImportError as error:
    raise ImportError("shoal_client.httpx2 needs httpx2: pip install httpx2") from error

from shoal_client._httpx import TransportLogic, watched_stream

__all__ = ["AsyncTransport"]


class AsyncTransport(TransportLogic, httpx2.AsyncBaseTransport):
    """The arguments are those of ``shoal_client.Session``; ``verify`` and what else ``AsyncHTTPTransport`` takes go to
    it. Time-outs are the client's; with none the defaults of ``Session`` hold."""

    _lib = httpx2
    _watched = watched_stream(httpx2.AsyncByteStream)
