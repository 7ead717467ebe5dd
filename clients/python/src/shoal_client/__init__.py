"""requests through a Shoal proxy pool: ``from shoal_client import Session`` or, for one call, ``get``.

Other libraries have a module each, which asks for them only when imported: ``shoal_client.httpx``,
``shoal_client.httpx2``, ``shoal_client.aiohttp``, ``shoal_client.scrapy``, ``shoal_client.playwright``.
"""

from __future__ import annotations

from shoal_client._adapter import ProxiedResponse
from shoal_client._session import Session, delete, get, head, options, patch, post, put, request
from shoal_client.errors import (
    ChunkedEncodingError,
    ConnectionError,
    ConnectTimeout,
    ContentDecodingError,
    Failure,
    InsecureAuthError,
    NoProxyError,
    PoolError,
    ProxyError,
    ReadTimeout,
    ShoalError,
    SSLError,
    Try,
)

__version__ = "0.1.0"
__all__ = [
    "ChunkedEncodingError",
    "ConnectTimeout",
    "ConnectionError",
    "ContentDecodingError",
    "Failure",
    "InsecureAuthError",
    "NoProxyError",
    "PoolError",
    "ProxiedResponse",
    "ProxyError",
    "ReadTimeout",
    "SSLError",
    "Session",
    "ShoalError",
    "Try",
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "request",
]
