"""Which address leads where, and what the OpenAPI document says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shoal.api import openapi as doc
from shoal.api.bodies import BODY_LIMIT_BYTES, ID_PATTERN, LEASE_ID_PATTERN
from shoal.api.compat import Compat
from shoal.api.dashboard import ASSETS, Dashboard
from shoal.api.document import Document
from shoal.api.gateway_routes import SESSION_ID_PATTERN, GatewayRoutes
from shoal.api.guard import CHANGING_PATHS
from shoal.api.idempotency import Replays
from shoal.api.link_routes import LinkRoutes
from shoal.api.manage import Manage
from shoal.api.query import PICK_FIELDS
from shoal.api.source_routes import SOURCE_BODY_BYTES, SourceRoutes
from shoal.api.target_routes import TargetRoutes
from shoal.api.token_routes import TokenRoutes
from shoal.api.v1 import V1
from shoal.api.watch import Watch
from shoal.links import ALIAS_PATTERN
from shoal.options import ApiOptions
from shoal.policy.query_text import FIELDS

_HOT_PATHS: Final = frozenset({"/get/", "/get", "/v1/proxies/pick", "/s/{code}"})

_NO_HEAD: Final = CHANGING_PATHS | {"/v1/events"}
"""A HEAD must not change anything, nor wait for the end of what has none."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Routes:
    """Collects routes, and describes each in the document."""

    def __init__(self, document: Document, options: ApiOptions) -> None:
        self._document = document
        self._limit = options.limit
        self._import_limit = options.import_limit_bytes
        self._endpoints: dict[str, dict[str, Endpoint]] = {}
        self._replays = Replays()

    def in_order(self) -> list[Route]:
        """Routes are tried in order: the hot ones first."""
        paths = sorted(self._endpoints, key=lambda path: path not in _HOT_PATHS)
        return [_route(path, self._endpoints[path]) for path in paths]

    def _serve(self, path: str, endpoint: Endpoint, method: str = "GET") -> None:
        aliases = (path.rstrip("/"), path) if path != "/" and path.endswith("/") else (path,)
        for alias in aliases:
            by_method = self._endpoints.setdefault(alias, {})
            by_method[method] = endpoint
            if method == "GET" and alias not in _NO_HEAD:
                by_method["HEAD"] = endpoint

    def _add(
        self,
        path: str,
        endpoint: Endpoint,
        summary: str,
        answers: dict[int | str, Any],
        extra: dict[str, Any],
        method: str = "GET",
        body_limit: int = BODY_LIMIT_BYTES,
    ) -> None:
        if method != "GET":
            endpoint = self._replays.wrap(endpoint, body_limit)
            extra = {**extra, "parameters": [*extra.get("parameters", ()), doc.IDEMPOTENCY_KEY]}
            answers = doc.with_problems(answers, 409)
        self._serve(path, endpoint, method)
        self._document.add(path, method, summary, "v1", answers, extra)

    def _query(self, *names: str) -> dict[str, Any]:
        return {"parameters": doc.parameters(names, limit=self._limit)}

    def add_v1(self, v1: V1) -> None:
        """Proxies, feedback, leases, health."""
        proxy = doc.reference("ProxyView")
        self._add(
            "/v1/proxies/pick",
            v1.pick,
            "One proxy for use now, or n different ones",
            doc.responses(doc.formats({"anyOf": [proxy, {"type": "array", "items": proxy}]}), 404),
            self._query(*PICK_FIELDS, "format", "credentials", "n"),
        )
        self._add(
            "/v1/proxies",
            v1.proxies,
            "Proxies that can be used now",
            doc.responses(doc.formats({"type": "array", "items": proxy})),
            self._query(*FIELDS, "format", "credentials", "cursor"),
        )
        self._add(
            "/v1/proxies/{id}",
            v1.proxy,
            "All that is known of one proxy",
            doc.responses({"application/json": doc.reference("RecordView")}, 404),
            {"parameters": [doc.in_path("id", ID_PATTERN), *doc.parameters(["credentials"], limit=self._limit)]},
        )
        checked = doc.responses({"application/json": doc.reference("RecordView")}, 404, 503)
        self._add(
            "/v1/proxies/{id}/check",
            v1.check,
            "Check a proxy now; answered when that is done",
            checked | {202: {**checked[200], "description": "The process that checks does it as soon as it looks"}},
            {"parameters": [doc.in_path("id", ID_PATTERN)]},
            "POST",
        )
        self._add(
            "/v1/proxies/{id}/history",
            v1.history,
            "The last results of one proxy, oldest first",
            doc.responses({"application/json": {"type": "array", "items": doc.reference("PastView")}}, 404),
            {"parameters": [doc.in_path("id", ID_PATTERN)]},
        )
        self._add(
            "/v1/feedback",
            v1.feedback,
            "What a user of a proxy saw",
            doc.responses({}, 404, status=204, description="Learned"),
            doc.body("FeedbackBody"),
            "POST",
        )
        self._add(
            "/v1/leases",
            v1.take,
            "One proxy, held until it is released or its time is over",
            doc.responses({"application/json": doc.reference("LeaseView")}, 404, status=201),
            doc.body("LeaseBody", required=False),
            "POST",
        )
        self._add(
            "/v1/leases/{id}",
            v1.release,
            "End a lease, with what its user saw",
            doc.responses({}, 404, status=204, description="Released"),
            {"parameters": [doc.in_path("id", LEASE_ID_PATTERN)], **doc.body("OutcomeBody", required=False)},
            "DELETE",
        )
        any_object = {"application/json": {"type": "object"}}
        self._add(
            "/v1/leases/{id}/renew",
            v1.renew,
            "Hold a lease for longer",
            doc.responses({"application/json": doc.reference("RenewalView")}, 404),
            {"parameters": [doc.in_path("id", LEASE_ID_PATTERN)], **doc.body("RenewBody", required=False)},
            "POST",
        )
        self._add("/v1/stats", v1.stats, "How the pool is doing", doc.responses(any_object), {})
        self._add("/healthz", v1.healthz, "Whether the process answers", doc.responses(any_object), {})
        self._add("/readyz", v1.readyz, "Whether it has something to hand out", doc.responses(any_object, 503), {})

    def add_manage(self, manage: Manage) -> None:
        """Imports, deletions, bans, tags, sources."""
        record = {"application/json": doc.reference("RecordView")}
        records = {"application/json": {"type": "array", "items": doc.reference("RecordView")}}
        by_id = {"parameters": [doc.in_path("id", ID_PATTERN)]}
        by_name = {"parameters": [doc.in_path("name", "[^/]{1,200}")]}
        some = {"application/json": {"type": "object"}}
        self._add(
            "/v1/proxies",
            manage.add,
            "Import a list in any form that sources have, also as a form with files",
            doc.responses(some),
            {**self._query("import_scheme", "import_trust", "import_tag"), **doc.any_body()},
            "POST",
            self._import_limit,
        )
        self._add("/v1/bans", manage.banned, "Proxies that are kept out", doc.responses(records), {})
        ban = doc.body("BanBody")
        self._add("/v1/bans", manage.ban, "Keep proxies out of the pool", doc.responses(some), ban, "POST")
        self._add("/v1/bans/lift", manage.unban, "Let them in again", doc.responses(some), ban, "POST")
        self._add(
            "/v1/proxies/{id}/tags",
            manage.tag,
            "Give a proxy tags, or take some",
            doc.responses(record, 404),
            {**by_id, **doc.body("TagBody")},
            "POST",
        )
        for word, change, summary in (
            ("ban", manage.ban_one, "Keep a proxy out of the pool"),
            ("unban", manage.unban_one, "Let a proxy in again"),
        ):
            self._add(f"/v1/proxies/{{id}}/{word}", change, summary, doc.responses(record, 404), by_id, "POST")
        gone = doc.responses({}, 404, status=204, description="Deleted")
        self._add("/v1/proxies/{id}", manage.delete, "Take a proxy out of the pool", gone, by_id, "DELETE")
        for word, endpoint, summary, status in (
            ("run", manage.run_source, "Read a source now", 202),
            ("pause", manage.pause_source, "Read a source no more", 200),
            ("resume", manage.resume_source, "Read a source again", 200),
        ):
            answers = doc.responses(some, 404, status=status)
            self._add(f"/v1/sources/{{name}}/{word}", endpoint, summary, answers, by_name, "POST")

    def add_sources(self, sources: SourceRoutes) -> None:
        """Sources: list, add, switch, remove, try."""
        one = {"application/json": doc.reference("SourceView")}
        listed = {"application/json": {"type": "array", "items": doc.reference("SourceView")}}
        # No source is named test: that is the address of a look at one.
        by_name = {"parameters": [doc.in_path("name", "(?!test$)[^/]{1,200}")]}
        every = self._query("source_all")
        self._add("/v1/sources", sources.all, "Sources and what they are worth", doc.responses(listed), every)
        made = doc.responses(one, 409, status=201, description="Added; it is read at once")
        self._add(
            "/v1/sources", sources.add, "Read one more list", made, doc.body("SourceBody"), "POST", SOURCE_BODY_BYTES
        )
        trial = doc.responses({"application/json": doc.reference("TrialView")}, 404, 409)
        self._add(
            "/v1/sources/test",
            sources.test,
            "What a source yields now; nothing is kept",
            trial,
            doc.body("SourceTestBody"),
            "POST",
            SOURCE_BODY_BYTES,
        )
        self._add("/v1/sources/{name}", sources.one, "One source", doc.responses(one, 404), by_name)
        change = {**by_name, **doc.body("SourceChange")}
        changed = doc.responses(one, 404, 409)
        self._add("/v1/sources/{name}", sources.change, "Switch a source on or off", changed, change, "PATCH")
        gone = doc.responses({}, 404, 409, status=204, description="Removed; its proxies stay")
        self._add("/v1/sources/{name}", sources.remove, "Forget an added source", gone, by_name, "DELETE")

    def add_targets(self, targets: TargetRoutes) -> None:
        """Sites that matter."""
        target = {"application/json": doc.reference("TargetView")}
        listed = {"application/json": {"type": "array", "items": doc.reference("TargetView")}}
        by_name = {"parameters": [doc.in_path("name", "[^/]{1,200}")]}
        made = doc.responses(target, 409, status=201, description="Added; asked from now on")
        gone = doc.responses({}, 404, 409, status=204, description="Deleted")
        self._add("/v1/targets", targets.all, "Sites that matter and how many reach them", doc.responses(listed), {})
        self._add("/v1/targets", targets.add, "One more site that matters", made, doc.body("TargetBody"), "POST")
        trial = doc.responses({"application/json": doc.reference("TargetTrialView")}, 503)
        summary = "What a site answers through a few proxies; nothing is kept"
        self._add("/v1/targets/test", targets.test, summary, trial, doc.body("TargetBody"), "POST")
        self._add("/v1/targets/{name}", targets.one, "One of them", doc.responses(target, 404), by_name)
        self._add("/v1/targets/{name}", targets.delete, "Ask a site no more", gone, by_name, "DELETE")

    def add_links(self, links: LinkRoutes) -> None:
        """Short links."""
        link = {"application/json": doc.reference("LinkView")}
        listed = {"application/json": {"type": "array", "items": doc.reference("LinkView")}}
        by_code = {"parameters": [doc.in_path("code", ALIAS_PATTERN)]}
        made = doc.responses(link, status=201, description="Made") | {
            200: {"description": "One to the same URL stood already", "content": doc.responses(link)[200]["content"]}
        }
        self._add("/v1/links", links.make, "A short link", made, doc.body("LinkBody"), "POST")
        paged = self._query("link_cursor", "limit")
        self._add("/v1/links", links.all, "Short links, in the order of codes", doc.responses(listed), paged)
        self._add("/v1/links/{code}", links.one, "A short link", doc.responses(link, 404), by_code)
        change = {**by_code, **doc.body("LinkChange")}
        self._add("/v1/links/{code}", links.change, "Change a link", doc.responses(link, 404), change, "PATCH")
        gone = doc.responses({}, 404, status=204, description="Deleted")
        self._add("/v1/links/{code}", links.delete, "Delete a link", gone, by_code, "DELETE")
        follow = doc.responses(doc.formats({}) | {"text/html": {"type": "string"}}, 404, 410) | {
            301: {"description": "To where it leads, for good"},
            302: {"description": "To where it leads"},
        }
        self._add("/s/{code}", links.follow, "Follow a short link", follow, by_code)

    def add_watch(self, watch: Watch) -> None:
        """History, events, settings, metrics."""
        rows = {"application/json": {"type": "array", "items": {"type": "object"}}}
        span = self._query("history_seconds")
        self._add("/v1/stats/history", watch.history, "The pool minute by minute", doc.responses(rows), span)
        stream = doc.responses({"text/event-stream": {"type": "string"}}, 503)
        self._add(
            "/v1/events", watch.events, "What happens, as it happens", stream, {"parameters": [doc.LAST_EVENT_ID]}
        )
        self._add("/v1/settings", watch.settings, "Settings in force, and from where", doc.responses(rows), {})
        text = doc.responses({"text/plain": {"type": "string"}})
        self._add("/metrics", watch.metrics, "Metrics for Prometheus", text, {})

    def add_tokens(self, tokens: TokenRoutes) -> None:
        """Tokens."""
        token = {"application/json": doc.reference("TokenView")}
        listed = {"application/json": {"type": "array", "items": doc.reference("TokenView")}}
        made = doc.responses(token, status=201, description="Made; its text is shown this once")
        self._add("/v1/tokens", tokens.make, "A token with a scope", made, doc.body("TokenBody"), "POST")
        self._add("/v1/tokens", tokens.all, "Tokens, without their texts", doc.responses(listed), {})
        gone = doc.responses({}, 404, status=204, description="Revoked")
        by_id = {"parameters": [doc.in_path("id", ID_PATTERN)]}
        self._add("/v1/tokens/{id}", tokens.revoke, "Revoke a token", gone, by_id, "DELETE")

    def add_gateway(self, gateway: GatewayRoutes) -> None:
        """The gateway: what it does, for whom, and its sessions."""
        whole = doc.responses({"application/json": doc.reference("GatewayView")})
        self._add("/v1/gateway", gateway.gateway, "The gateway: users, targets, counts", whole, {})
        live = doc.responses({"application/json": {"type": "array", "items": doc.reference("ConnectionView")}})
        some = self._query("gateway_limit")
        self._add("/v1/gateway/connections", gateway.connections, "What is under way in the gateway", live, some)
        listed = doc.responses({"application/json": {"type": "array", "items": doc.reference("SessionView")}})
        named = self._query("session_user", "session_name", "gateway_limit")
        self._add("/v1/sessions", gateway.sessions, "Sessions of the gateway and the upstream of each", listed, named)
        by_id = {"parameters": [doc.in_path("id", SESSION_ID_PATTERN)]}
        one = doc.responses({"application/json": doc.reference("SessionView")}, 404)
        self._add("/v1/sessions/{id}", gateway.session, "One session", one, by_id)
        gone = doc.responses({}, 404, status=204, description="Ended: its next request gets another proxy")
        self._add("/v1/sessions/{id}", gateway.rotate, "Give a session another proxy", gone, by_id, "DELETE")

    def add_compat(self, compat: Compat) -> None:
        """The routes of jhao104/proxy_pool."""
        empty = {
            "type": "object",
            "properties": {"code": {"const": 0}, "src": {"const": "no proxy"}},
            "required": ["code"],
        }
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
            extra = {"parameters": doc.parameters(names, required=required, limit=self._limit)} if names else {}
            answers = doc.responses(content)
            self._serve(path, endpoint)
            self._document.add(path, "GET", summary, "compat", answers, extra)

        dashboard = Dashboard(compat.index)
        page = {**any_object, "text/html": {"type": "string"}}
        add("/", dashboard.index, "The dashboard for a browser, the routes of the compatibility API for a script", page)
        files: dict[str, Endpoint] = {"GET": dashboard.asset, "HEAD": dashboard.asset}
        self._endpoints[f"{ASSETS}{{digest}}/{{path:path}}"] = files
        add("/get/", compat.get, "One proxy", one, "type", *PICK_FIELDS)
        add("/pop/", compat.pop, "One proxy, which leaves the pool", one, "type", *PICK_FIELDS)
        add("/all/", compat.all, "Every proxy that works now", many, "type", *FIELDS)
        add("/count/", compat.count, "How many there are", any_object)
        add("/delete/", compat.delete, "Take a proxy out", any_object, "proxy", required=("proxy",))
        add("/refresh/", compat.refresh, "Read all sources now", {"text/plain": {"type": "string"}})


def _route(path: str, endpoints: dict[str, Endpoint]) -> Route:
    """All methods of one address: no other one whose pattern it fits is tried for those that it does not have."""
    allowed = {"Allow": ", ".join(endpoints)}

    async def answer(request: Request) -> Response:
        endpoint = endpoints.get(request.method)
        if endpoint is None:
            raise HTTPException(405, headers=allowed)
        return await endpoint(request)

    route = Route(path, answer)
    route.methods = None
    return route
