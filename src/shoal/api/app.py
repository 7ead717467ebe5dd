"""The API as one ASGI application."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from shoal.api import openapi as doc
from shoal.api.compat import Compat
from shoal.api.document import Document, Json
from shoal.api.gate import Gate, Guard
from shoal.api.gateway_routes import GatewayRoutes
from shoal.api.guard import Paces, access_of
from shoal.api.hot import Hot
from shoal.api.link_routes import LinkRoutes
from shoal.api.manage import Manage
from shoal.api.responses import problem_response
from shoal.api.routes import Routes
from shoal.api.service import PoolService
from shoal.api.source_routes import SourceRoutes
from shoal.api.target_routes import TargetRoutes
from shoal.api.token_routes import TokenRoutes
from shoal.api.tokens import TokenBook
from shoal.api.v1 import V1
from shoal.api.watch import Watch
from shoal.domain.problem import Problem
from shoal.errors import InvalidProxyError, InvalidQueryError, StoreError
from shoal.judge.asgi import judge_routes
from shoal.links import LinkBook
from shoal.options import ApiOptions, Options
from shoal.policy.bind import check_bind
from shoal.ports.gateway import GatewayDoor

_OPEN: Final = ("/healthz", "/s/{code}")
"""Answered to whoever has no token."""


class ShoalAPI(Starlette):
    """Starlette with the busiest addresses before its layers, and a document of all of them."""

    hot: Hot | None = None
    document: Document
    limit: int = 0
    needs_token: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.hot is not None and scope["type"] == "http" and await self.hot.answers(scope, receive, send):
            return
        await super().__call__(scope, receive, send)

    @cached_property
    def openapi(self) -> Json:
        """The OpenAPI document."""
        return self.document.whole(doc.schemas(self.limit), doc.SECURITY_SCHEMES if self.needs_token else None, _OPEN)

    async def describe(self, request: Request) -> Response:
        return JSONResponse(self.openapi)


def build_app(
    service: PoolService,
    options: ApiOptions,
    *,
    version: str,
    settings: Options | None = None,
    origins: Mapping[str, str] | None = None,
    gateway: GatewayDoor | None = None,
) -> ShoalAPI:
    """All routes over one service. Raises ConfigError for a bind that ``check_bind`` refuses.

    ``settings`` are those in force and ``origins`` says where each was set, for ``/v1/settings``; ``gateway`` is where
    the gateway will be found.
    """
    check_bind(options)
    access = access_of(options)
    app = ShoalAPI()
    app.router.redirect_slashes = False
    app.document = Document("Shoal", version, "A proxy pool: query, pick, and the routes of jhao104/proxy_pool.")
    app.needs_token = access.needs_token
    app.limit = options.limit
    tokens = TokenBook(service.store, service, secrets.token_urlsafe)
    gate = Gate(access, tokens, Paces(service, options.rate), service)
    app.add_middleware(Guard, gate=gate)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(InvalidQueryError, _on_invalid_query)
    app.add_exception_handler(InvalidProxyError, _on_invalid_proxy)
    app.add_exception_handler(StoreError, _on_store_error)
    app.add_exception_handler(Exception, _on_fault)
    routes = Routes(app.document, options)
    v1 = V1(service, limit=options.limit, version=version)
    routes.add_v1(v1)
    routes.add_manage(Manage(service, import_limit=options.import_limit_bytes))
    routes.add_sources(SourceRoutes(service, access))
    links = LinkRoutes(LinkBook(service.store, service, secrets.randbelow), service, options, v1.found)
    routes.add_links(links)
    routes.add_targets(TargetRoutes(service))
    routes.add_watch(Watch(service, settings or Options(api=options), origins or {}, version))
    routes.add_tokens(TokenRoutes(tokens, service))
    routes.add_gateway(GatewayRoutes(gateway or GatewayDoor()))
    compat = Compat(service, limit=options.limit)
    routes.add_compat(compat)
    app.hot = Hot(gate, compat, v1, links)
    key = None if options.judge_key is None else options.judge_key.encode()
    app.router.routes += [*routes.in_order(), *judge_routes(key, service.now), Route("/openapi.json", app.describe)]
    return app


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = {
        404: ("not_found", "There is no such address in this API; /openapi.json lists them."),
        405: ("method_not_allowed", f"This address does not take {request.method}."),
    }.get(error.status_code, (HTTPStatus(error.status_code).name.lower(), str(error.detail)))
    return problem_response(Problem(error.status_code, code, detail), error.headers)


async def _on_invalid_query(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidQueryError)
    return problem_response(Problem(400, "invalid_query", str(error), error.field))


async def _on_invalid_proxy(request: Request, error: Exception) -> Response:
    return problem_response(Problem(400, "invalid_proxy", f"{error}.", "proxy"))


async def _on_store_error(request: Request, error: Exception) -> Response:
    return problem_response(Problem(503, "store_unavailable", f"{error}; try again shortly."), {"Retry-After": "1"})


async def _on_fault(request: Request, error: Exception) -> Response:
    # Starlette raises it again after this answer, so that it reaches the log with its traceback.
    return problem_response(Problem(500, "internal_error", "This is a fault of Shoal's; its log has the details."))
