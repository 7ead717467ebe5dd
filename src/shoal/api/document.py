"""The OpenAPI document, put together from what each route says of itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

Json = dict[str, Any]

_OPENAPI: Final = "3.1.0"
_NOT_A_WORD: Final = re.compile(r"\W+")


class Document:
    """Collects operations; ``whole`` is the document as OpenAPI 3.1 has it."""

    def __init__(self, title: str, version: str, description: str) -> None:
        self._info = {"title": title, "description": description, "version": version}
        self._paths: dict[str, dict[str, Json]] = {}

    def add(
        self,
        path: str,
        method: str,
        summary: str,
        tag: str,
        responses: Mapping[int | str, Json],
        more: Mapping[str, Any],
    ) -> None:
        """Describe ``method`` of ``path``: its answers by status, and parameters and body as ``more`` has them."""
        words = _NOT_A_WORD.sub("_", path).strip("_")
        self._paths.setdefault(path, {})[method.lower()] = {
            "tags": [tag],
            "summary": summary,
            # A name for generated clients: unique, and the same for as long as the address is.
            "operationId": f"{method.lower()}_{words}".rstrip("_"),
            "responses": {str(status): answer for status, answer in sorted(responses.items(), key=_by_status)},
            **more,
        }

    def whole(self, schemas: Json, security: Json | None = None, open_to_all: Collection[str] = ()) -> Json:
        """The document with these ``schemas``.

        ``security`` are schemes of which every route but the GETs of ``open_to_all`` asks for one; None: no route does.
        """
        components: Json = {"schemas": schemas}
        made: Json = {"openapi": _OPENAPI, "info": self._info, "paths": self._paths, "components": components}
        if security:
            components["securitySchemes"] = security
            made["security"] = [{name: []} for name in security]
            free = {path: self._freed(path) for path in open_to_all}
            made["paths"] = {**self._paths, **free}
        return made

    def _freed(self, path: str) -> dict[str, Json]:
        methods = self._paths[path]
        return {**methods, "get": {**methods["get"], "security": []}}


def _by_status(entry: tuple[int | str, Json]) -> str:
    return str(entry[0])
