"""The HTTP API: /v1, the compatibility routes and the judge, over one service."""

from __future__ import annotations

from shoal.api.app import build_app
from shoal.api.server import ApiHandle, serve_api
from shoal.api.service import PoolService
from shoal.policy.bind import check_bind

__all__ = ["ApiHandle", "PoolService", "build_app", "check_bind", "serve_api"]
