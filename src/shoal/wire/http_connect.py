"""CONNECT as the client of an HTTP proxy speaks it (RFC 9110 section 9.3.6)."""

from __future__ import annotations

from typing import Final, NoReturn

from shoal.wire.address import authority
from shoal.wire.errors import LocalProtocolError, Refusal, RemoteProtocolError
from shoal.wire.http_head import (
    HEAD_LIMIT_BYTES,
    ResponseHead,
    ResponseHeadReader,
    basic_credentials,
    encode_request_head,
)

MAX_INTERIM_HEADS: Final = 8
"""1xx heads skipped before the answer. Proxies send none or one; without a bound a peer could go on for ever."""

_REFUSALS: Final = {
    401: Refusal.DENIED,
    403: Refusal.DENIED,
    405: Refusal.DENIED,
    407: Refusal.AUTH,
    451: Refusal.DENIED,
    502: Refusal.UNREACHABLE,
    503: Refusal.UNREACHABLE,
    504: Refusal.UNREACHABLE,
}


class ConnectClient:
    """Asks an HTTP proxy for a tunnel; a ``Handshake``.

    ``head`` is the last head received, also of a refusal. ``done`` comes with any 2xx; its Content-Length and
    Transfer-Encoding mean nothing, and every byte after its empty line is the tunnel's.

    Raises LocalProtocolError for an impossible target, credentials or user agent.
    """

    __slots__ = ("_done", "_failed", "_interim", "_limit", "_outgoing", "_reader", "head")

    def __init__(
        self,
        target_host: str,
        target_port: int,
        username: str | None = None,
        password: str | None = None,
        user_agent: str | None = None,
        head_limit_bytes: int = HEAD_LIMIT_BYTES,
    ) -> None:
        target = authority(target_host, target_port)
        headers = [("Host", target)]
        if username is not None:
            headers.append(("Proxy-Authorization", basic_credentials(username, password or "")))
        elif password is not None:
            raise LocalProtocolError("a password without a user name")
        if user_agent is not None:
            headers.append(("User-Agent", user_agent))
        self._outgoing = encode_request_head("CONNECT", target, headers)
        self._limit = head_limit_bytes
        self._reader = ResponseHeadReader(head_limit_bytes)
        self._interim = 0
        self._done = False
        self._failed = False
        self.head: ResponseHead | None = None

    @property
    def done(self) -> bool:
        """The proxy has opened the tunnel."""
        return self._done

    @property
    def trailing_data(self) -> bytes:
        """What arrived after the head of the 2xx. It belongs to the tunnel. Empty until ``done``."""
        return self._reader.trailing_data if self._done else b""

    def data_to_send(self) -> bytes:
        """What must go out now. Taking it empties it."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the proxy, in any pieces. Raises RemoteProtocolError when it refuses or is no HTTP proxy."""
        if self._failed:
            raise RemoteProtocolError(Refusal.MALFORMED, "bytes after a CONNECT that failed")
        try:
            while True:
                head = self._reader.receive_data(data)
                if head is None or self._done:
                    return
                self.head = head
                if head.status >= 200 or head.status == 101:
                    break
                self._interim += 1
                if self._interim > MAX_INTERIM_HEADS:
                    raise RemoteProtocolError(
                        Refusal.LIMIT, f"more than {MAX_INTERIM_HEADS} interim answers to CONNECT"
                    )
                data = self._reader.trailing_data
                self._reader = ResponseHeadReader(self._limit)
            if 200 <= head.status < 300:
                self._done = True
            else:
                self._refuse(head)
        except RemoteProtocolError:
            self._failed = True
            raise

    def receive_eof(self) -> None:
        """The proxy has closed. Raises RemoteProtocolError(EOF) unless ``done``."""
        if not self._done:
            self._failed = True
            raise RemoteProtocolError(Refusal.EOF, "the proxy closed before it answered CONNECT")

    @staticmethod
    def _refuse(head: ResponseHead) -> NoReturn:
        refusal = _REFUSALS.get(head.status, Refusal.BAD_STATUS)
        raise RemoteProtocolError(
            refusal, f"the proxy answered CONNECT with {head.status} {head.reason}".rstrip(), head.status
        )
