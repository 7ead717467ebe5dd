"""Request bodies: whether one can be sent again, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from requests import PreparedRequest


class _OnceIterator:
    """An iterable that knows whether anybody has begun to take from it."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self.started = False

    def __iter__(self) -> Iterator[Any]:
        self.started = True
        yield from self._body


class _OnceReader(_OnceIterator):
    """The same for what has ``read`` but cannot seek, such as a pipe."""

    def read(self, size: int = -1) -> Any:
        self.started = True
        return self._body.read(size)


class Body:
    """The body of one request. What cannot be rewound is wrapped, so that it is known whether it was touched."""

    def __init__(self, request: PreparedRequest) -> None:
        self._request = request
        body: Any = request.body
        self._position: int | None = None
        if body is None or isinstance(body, bytes | str | _OnceIterator):
            return
        known = getattr(request, "_body_position", None)  # where requests found the file when it prepared the request
        try:
            body.seek  # noqa: B018 - asks whether it can
            self._position = known if isinstance(known, int) else body.tell()
        except (AttributeError, OSError, ValueError):
            once: Any = (_OnceReader if hasattr(body, "read") else _OnceIterator)(body)
            request.body = once

    def rewind(self) -> bool:
        """Make ready to be sent from the start; False when that cannot be done any more."""
        body: Any = self._request.body
        if isinstance(body, _OnceIterator):
            return not body.started
        if self._position is not None:
            try:
                body.seek(self._position)
            except (OSError, ValueError):
                return False
        return True
