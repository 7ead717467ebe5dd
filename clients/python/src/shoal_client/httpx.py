"""A transport for httpx: ``httpx.AsyncClient(transport=AsyncTransport("http://127.0.0.1:5010"))``.

Responses tell their proxy in ``response.extensions["shoal_proxy"]``; errors have ``proxy`` and ``reason``. A request
with ``extensions={"shoal_session": "name"}`` keeps one proxy for that name.
"""

from __future__ import annotations

try:
    import httpx
except ImportError as error:
    raise ImportError("shoal_client.httpx needs httpx: pip install httpx") from error

from shoal_client._httpx import TransportLogic, watched_stream

__all__ = ["AsyncTransport"]


class AsyncTransport(TransportLogic, httpx.AsyncBaseTransport):
    """The arguments are those of ``shoal_client.Session``; ``verify`` and what else ``AsyncHTTPTransport`` takes go to
    it. Time-outs are the client's; with none the defaults of ``Session`` hold."""

    _lib = httpx
    _watched = watched_stream(httpx.AsyncByteStream)
