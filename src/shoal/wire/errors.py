"""The only exceptions that a codec raises."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a handshake or a message ended badly, in the words of the wire (mapped to a Failure one layer up)."""

    MALFORMED = "malformed"
    """The bytes are not this protocol."""
    LIMIT = "limit"
    """A head, line, field or body is longer than its bound."""
    EOF = "eof"
    """The peer closed before the message was complete."""
    AUTH = "auth"
    """Credentials are missing or were refused (407, SOCKS5 0xFF, a failed RFC 1929 exchange, SOCKS4 replies 92, 93)."""
    DENIED = "denied"
    """The peer understood and forbids it (401, 403, 405, 451, SOCKS5 reply 2; SOCKS4 reply 91, which also covers a
    failed connection: SOCKS4 cannot tell the two apart)."""
    UNREACHABLE = "unreachable"
    """The peer could not reach the target (SOCKS5 replies 3, 4, 6; 502, 503, 504 to CONNECT)."""
    REFUSED = "refused"
    """The target refused the peer's connection (SOCKS5 reply 5)."""
    BAD_STATUS = "bad_status"
    """Any other answer that is not success. ``code`` holds it."""


class ProtocolError(ValueError):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We misused the codec: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol or said no.

    ``refusal`` says how; ``code`` is the peer's own number (HTTP status, SOCKS reply) or 0.
    """

    def __init__(self, refusal: Refusal, message: str, code: int = 0) -> None:
        self.refusal = refusal
        self.code = code
        super().__init__(message)
