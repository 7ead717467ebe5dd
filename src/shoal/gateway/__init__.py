"""The rotating gateway: one port that speaks HTTP and SOCKS and always has a working proxy behind it."""

from __future__ import annotations

from shoal.gateway.bind import check_bind
from shoal.gateway.server import GatewayHandle, serve_gateway
from shoal.gateway.service import GatewayService
from shoal.gateway.users import hash_password

__all__ = [
    "GatewayHandle",
    "GatewayService",
    "check_bind",
    "hash_password",
    "serve_gateway",
]
