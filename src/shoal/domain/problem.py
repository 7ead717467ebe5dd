"""Problem: an error as HTTP tells it (RFC 9457), the same from the API and from the judge."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import Struct

PROBLEM_TYPE: Final = "application/problem+json"


class Problem(Struct, frozen=True, omit_defaults=True):
    """``code`` is for programs and keeps its meaning; ``detail`` tells a person what is wrong and what to do."""

    status: int
    code: str
    detail: str
    field: str | None = None
    """The parameter at fault."""

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    def to_json(self) -> bytes:
        """``type``, ``title``, ``status``, ``detail``, ``code`` and what else is set."""
        return msgspec.json.encode({"type": "about:blank", "title": self.title, **msgspec.to_builtins(self)})
