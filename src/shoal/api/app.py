"""The API as one ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shoal.api import openapi as doc
from shoal.api.bodies import LEASE_ID_PATTERN
from shoal.api.compat import Compat
from shoal.api.guard import CHANGING_PATHS, Guard, access_of
from shoal.api.query import PICK_FIELDS
from shoal.api.responses import problem_response
from shoal.api.service import PoolService
from shoal.api.v1 import V1
from shoal.domain.problem import Problem
from shoal.errors import InvalidProxyError, InvalidQueryError, StoreError
from shoal.judge.asgi import judge_routes
from shoal.options import ApiOptions
from shoal.policy.bind import check_bind
from shoal.policy.query_text import FIELDS

_HOT_PATHS = frozenset({"/get/", "/get", "/v1/proxies/pick"})

Endpoint = Callable[[Request], Awaitable[Response]]


class ShoalAPI(FastAPI):
    """FastAPI whose document also has what msgspec encodes, and the ways to show a token."""

    needs_token: bool = False

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            schema = super().openapi()
            components = schema.setdefault("components", {})
            components["schemas"] = {**components.get("schemas", {}), **doc.schemas()}
            if self.needs_token:
                components["securitySchemes"] = doc.SECURITY_SCHEMES
                schema["security"] = [{"bearer": []}, {"basic": []}]
                schema["paths"]["/healthz"]["get"]["security"] = []
        return self.openapi_schema or {}


def build_app(service: PoolService, options: ApiOptions, *, version: str) -> FastAPI:
    """All routes over one service. Raises ConfigError for a bind that ``check_bind`` refuses."""
    check_bind(options)
    access = access_of(options)
    app = ShoalAPI(
        title="Shoal",
        version=version,
        description="A proxy pool: query, pick, and the routes of jhao104/proxy_pool.",
        docs_url=None,  # FastAPI's pages load their scripts from other people's servers
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.needs_token = access.needs_token
    app.add_middleware(Guard, access=access)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(InvalidQueryError, _on_invalid_query)
    app.add_exception_handler(InvalidProxyError, _on_invalid_proxy)
    app.add_exception_handler(StoreError, _on_store_error)
    app.add_exception_handler(Exception, _on_fault)
    plain: list[Route] = []
    _add_v1(app, plain, V1(service, limit=options.limit, version=version), options.limit)
    _add_compat(app, plain, Compat(service, limit=options.limit), options.limit)
    plain.sort(key=lambda route: route.path not in _HOT_PATHS)  # routes are tried in order
    key = None if options.judge_key is None else options.judge_key.encode()
    app.router.routes[:0] = [*plain, *judge_routes(key, service.now)]
    return app


def _add(
    app: FastAPI, plain: list[Route], path: str, endpoint: Endpoint, *, method: str = "GET", **described: Any
) -> None:
    """A route served by Starlette alone (a sixth of the cost) and described by FastAPI, which it stands in front of."""
    aliases = (path.rstrip("/"), path) if path != "/" and path.endswith("/") else (path,)
    for alias in aliases:
        route = Route(alias, endpoint, methods=[method])
        if alias in CHANGING_PATHS:
            route.methods = {"GET"}  # Starlette adds HEAD, and a HEAD must not change anything
        plain.append(route)
    app.add_api_route(path, endpoint, methods=[method], response_model=None, response_class=Response, **described)


def _add_v1(app: FastAPI, plain: list[Route], v1: V1, limit: int) -> None:
    proxy = doc.reference("ProxyView")
    text = {"type": "string"}

    def query(*names: str) -> dict[str, Any]:
        return {"parameters": doc.parameters(names, limit=limit)}

    def add(
        path: str,
        endpoint: Endpoint,
        summary: str,
        answers: dict[int | str, Any],
        extra: dict[str, Any],
        method: str = "GET",
    ) -> None:
        about: dict[str, Any] = {"summary": summary, "tags": ["v1"], "responses": answers, "openapi_extra": extra}
        if method != "GET":
            # FastAPI describes a 200 unless told what the good answer is.
            about["status_code"] = min(status for status in answers if isinstance(status, int))
        _add(app, plain, path, endpoint, method=method, **about)

    add(
        "/v1/proxies/pick",
        v1.pick,
        "One proxy for use now",
        doc.responses({"application/json": proxy, "text/plain": text}, 404),
        query(*PICK_FIELDS, "format", "credentials"),
    )
    add(
        "/v1/proxies",
        v1.proxies,
        "Proxies that can be used now",
        doc.responses({"application/json": {"type": "array", "items": proxy}, "text/plain": text}),
        query(*FIELDS, "format", "credentials"),
    )
    add(
        "/v1/proxies/{id}",
        v1.proxy,
        "All that is known of one proxy",
        doc.responses({"application/json": doc.reference("RecordView")}, 404),
        {"parameters": [doc.path_id("[0-9a-f]{16}"), *doc.parameters(["credentials"], limit=limit)]},
    )
    add(
        "/v1/feedback",
        v1.feedback,
        "What a user of a proxy saw",
        doc.responses({}, 404, status=204, description="Learned"),
        doc.body("FeedbackBody"),
        "POST",
    )
    add(
        "/v1/leases",
        v1.take,
        "One proxy, held until it is released or its time is over",
        doc.responses({"application/json": doc.reference("LeaseView")}, 404, status=201),
        doc.body("LeaseBody", required=False),
        "POST",
    )
    add(
        "/v1/leases/{id}",
        v1.release,
        "End a lease, with what its user saw",
        doc.responses({}, 404, status=204, description="Released"),
        {"parameters": [doc.path_id(LEASE_ID_PATTERN)], **doc.body("OutcomeBody", required=False)},
        "DELETE",
    )
    any_object = {"application/json": {"type": "object"}}
    add("/v1/stats", v1.stats, "How the pool is doing", doc.responses(any_object), {})
    add("/healthz", v1.healthz, "Whether the process answers", doc.responses(any_object), {})
    add("/readyz", v1.readyz, "Whether it has something to hand out", doc.responses(any_object, 503), {})


def _add_compat(app: FastAPI, plain: list[Route], compat: Compat, limit: int) -> None:
    empty = {"type": "object", "properties": {"code": {"const": 0}, "src": {"const": "no proxy"}}, "required": ["code"]}
    one = {"application/json": {"anyOf": [doc.reference("CompatProxy"), empty]}}
    many = {"application/json": {"type": "array", "items": doc.reference("CompatProxy")}}
    any_object = {"application/json": {"type": "object"}}

    def add(
        path: str,
        endpoint: Endpoint,
        summary: str,
        content: dict[str, Any],
        *names: str,
        required: tuple[str, ...] = (),
    ) -> None:
        extra = {"parameters": doc.parameters(names, required=required, limit=limit)} if names else {}
        answers = doc.responses(content)
        _add(app, plain, path, endpoint, summary=summary, tags=["compat"], responses=answers, openapi_extra=extra)

    add("/", compat.index, "The routes of the compatibility API", any_object)
    add("/get/", compat.get, "One proxy", one, "type", *PICK_FIELDS)
    add("/pop/", compat.pop, "One proxy, which leaves the pool", one, "type", *PICK_FIELDS)
    add("/all/", compat.all, "Every proxy that works now", many, "type", *FIELDS)
    add("/count/", compat.count, "How many there are", any_object)
    add("/delete/", compat.delete, "Take a proxy out", any_object, "proxy", required=("proxy",))
    add("/refresh/", compat.refresh, "Read all sources now", {"text/plain": {"type": "string"}})


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
