"""The dashboard's files: read once, packed once, under names that change with their content."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from shoal.api.responses import problem_response
from shoal.domain.problem import Problem
from shoal.web import CONTENT_TYPES, FOLDER

ASSETS: Final = "/assets/"
"""Everything below is open to anybody, as it is the same for everybody."""
_INLINE: Final = re.compile(r"<script[^>]*>([^<]+)</script>")
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_SHARED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class _File(Struct, frozen=True):
    body: bytes
    packed: bytes
    kind: str
    tag: str


def wants_page(accept: str) -> bool:
    """Whether an Accept field prefers a page to JSON, as browsers do; ``*/*`` and silence are a script's."""
    best: dict[str, float] = {}
    for item in accept.lower().split(","):
        kind, *params = (part.strip() for part in item.split(";"))
        weight = 1.0
        for param in params:
            if re.fullmatch(r"q=[01](?:\.[0-9]{0,3})?", param):
                weight = float(param[2:])
        best[kind] = max(best.get(kind, 0.0), weight)
    page = max(best.get("text/html", 0.0), best.get("application/xhtml+xml", 0.0))
    return page > 0.0 and page >= best.get("application/json", 0.0)


class Dashboard:
    """Endpoints. ``script`` answers at ``/`` whoever wants no page."""

    def __init__(self, script: Callable[[Request], Awaitable[Response]]) -> None:
        self._script = script

    @cached_property
    def _files(self) -> dict[str, _File]:
        # At the first page rather than at the start: whoever looks at none does not pay for the packing.
        paths = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix in CONTENT_TYPES)
        return {path.relative_to(FOLDER).as_posix(): _file(path.read_bytes(), path.suffix) for path in paths}

    @cached_property
    def _digest(self) -> str:
        """Changes with any file: names below it stand for one content for ever."""
        tags = "".join(f"{name} {file.tag}\n" for name, file in self._files.items())
        return hashlib.sha256(tags.encode()).hexdigest()[:16]

    @cached_property
    def _page(self) -> _File:
        text = self._files["index.html"].body.decode().replace("{assets}", f".{ASSETS}{self._digest}")
        return _file(text.encode(), ".html")

    @cached_property
    def _policy(self) -> str:
        """No script but ours: the one that stands in the page, which names the modules, by its hash."""
        inline = "".join(f" 'sha256-{_hash(script)}'" for script in _INLINE.findall(self._page.body.decode()))
        return (
            f"default-src 'none'; script-src 'self'{inline}; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'"
        )

    async def index(self, request: Request) -> Response:
        """The page for a browser; for a script the routes, as proxy_pool gives them."""
        if not wants_page(request.headers.get("accept", "")):
            answer = await self._script(request)
            answer.headers["Vary"] = "Accept"
            return answer
        headers = {
            **_SHARED,
            "Content-Security-Policy": self._policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-cache",
            "Vary": "Accept, Accept-Encoding",
        }
        return _answer(request, self._page, headers)

    async def asset(self, request: Request) -> Response:
        """One file of the page."""
        file = self._files.get(request.path_params["path"])
        if file is None or request.path_params["digest"] != self._digest:
            return problem_response(Problem(404, "not_found", "The dashboard has no such file; load the page again."))
        return _answer(request, file, {**_SHARED, "Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"})


def _answer(request: Request, file: _File, headers: dict[str, str]) -> Response:
    headers["ETag"] = file.tag
    if file.tag in _tags(request.headers.getlist("if-none-match")):
        return Response(status_code=304, headers=headers)
    body = file.body
    if re.search(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        body = file.packed
    return Response(body, headers={**headers, "Content-Type": file.kind})


def _tags(fields: Iterable[str]) -> list[str]:
    return [tag.strip().removeprefix("W/") for field in fields for tag in field.split(",")]


def _file(body: bytes, suffix: str) -> _File:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return _File(body, gzip.compress(body, 9, mtime=0), CONTENT_TYPES[suffix], tag)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
