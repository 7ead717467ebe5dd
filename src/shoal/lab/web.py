"""The little HTTP server behind the lab's list pages and its control address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from shoal.wire import BodyReader, RemoteProtocolError, RequestHead, RequestHeadReader, encode_response_head
from shoal.wire import request_body_reader as body_reader

_BODY_LIMIT_BYTES = 65_536


class Request(Struct, frozen=True):
    """What a page needs to know."""

    method: str
    path: str
    query: dict[str, str]
    head: RequestHead


class Page(Struct, frozen=True):
    """An answer. A HEAD request gets it without the body."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def json_page(value: object, status: int = 200) -> Page:
    return Page(msgspec.json.encode(value) + b"\n", status=status)


def problem_page(status: int, detail: str) -> Page:
    """An error in the form of RFC 9457."""
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Page(msgspec.json.encode(body) + b"\n", "application/problem+json", status)


class WebProtocol(asyncio.Protocol):
    """One connection: requests in order, answers at once, kept alive as long as the client likes."""

    def __init__(self, respond: Callable[[Request], Page], connections: set[WebProtocol]) -> None:
        self._respond = respond
        self._connections = connections
        self._reader = RequestHeadReader()
        self._body: BodyReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            while data and not self._transport.is_closing():
                data = self._take(data)
        except RemoteProtocolError as error:
            self._answer(problem_page(400, str(error)), head_only=False, keep=False)

    def _take(self, data: bytes) -> bytes:
        """Read on; what is left belongs to the next request."""
        if self._body is None:
            head = self._reader.receive_data(data)
            if head is None:
                return b""
            self._body = body_reader(head, _BODY_LIMIT_BYTES)
            data = self._reader.trailing_data
        if data or not self._body.done:
            self._body.receive_data(data)
        if not self._body.done:
            return b""
        head, rest = self._reader.head, self._body.trailing_data
        self._reader, self._body = RequestHeadReader(), None
        if head is not None:
            parts = urlsplit(head.target)
            request = Request(head.method, parts.path, dict(parse_qsl(parts.query)), head)
            keep = head.version == "1.1" and (head.get("connection") or "").lower() != "close"
            self._answer(self._respond(request), head_only=head.method == "HEAD", keep=keep)
        return rest

    def _answer(self, page: Page, *, head_only: bool, keep: bool) -> None:
        headers = [("Content-Type", page.content_type), ("Content-Length", str(len(page.body))), *page.headers]
        if page.status == HTTPStatus.NOT_MODIFIED:
            headers = list(page.headers)
        if not keep:
            headers.append(("Connection", "close"))
        head = encode_response_head(page.status, HTTPStatus(page.status).phrase, headers)
        self._transport.write(head if head_only else head + page.body)
        if not keep:
            self._transport.close()


class WebServer:
    """Serves ``respond`` on loopback. ``port`` 0 takes any free one; raises OSError when it cannot be had."""

    def __init__(self, respond: Callable[[Request], Page]) -> None:
        self._respond = respond
        self._connections: set[WebProtocol] = set()
        self.port = 0

    async def start(self, port: int = 0) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: WebProtocol(self._respond, self._connections), "127.0.0.1", port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
