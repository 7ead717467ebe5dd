"""What every handshake codec can do, and the one loop that drives the SOCKS ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn, Protocol, TypeAlias

from shoal.wire.errors import LocalProtocolError, Refusal, RemoteProtocolError

TargetAddress: TypeAlias = tuple[str, int]
"""Host and port. The host is an IPv4 literal, an IPv6 literal without brackets, or an ASCII name."""

WAITING_LIMIT_BYTES: Final = 65_536
"""Bytes a client may send ahead while its server role waits for a decision: room for a request and a TLS hello,
and no more than one read of a socket."""


class Handshake(Protocol):
    """A handshake without a socket: the caller moves the bytes.

    Send what ``data_to_send`` gives after construction and after every call; stop when ``done`` is true.
    After a RemoteProtocolError send what is left in ``data_to_send`` and close.
    """

    @property
    def done(self) -> bool:
        """Both sides have agreed: from here on the connection is a tunnel."""
        ...

    @property
    def trailing_data(self) -> bytes:
        """What arrived after the handshake's end. It belongs to the tunnel. Empty until ``done``."""
        ...

    def data_to_send(self) -> bytes:
        """What must go out now. Taking it empties it."""
        ...

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer, in any pieces. Raises RemoteProtocolError when the peer refuses or is wrong.

        What arrives after ``done`` is added to ``trailing_data``; bounding that is the caller's affair.
        """
        ...

    def receive_eof(self) -> None:
        """The peer has closed. Raises RemoteProtocolError(EOF) unless ``done``."""
        ...


DONE: Final = "done"
FAILED: Final = "failed"


class Machine:
    """A handshake as a table of steps: state to the function that reads what that state expects.

    A step returns False when it needs more bytes. A state that is not in the table waits: for our own side's
    decision, or for ever (``DONE``, ``FAILED``).
    """

    __slots__ = ("_buffer", "_outgoing", "_state")

    _steps: ClassVar[dict[str, Callable[[Any], bool]]] = {}
    _protocol: ClassVar[str] = "handshake"

    def __init__(self, state: str, outgoing: bytes = b"") -> None:
        self._state = state
        self._outgoing = outgoing
        self._buffer = bytearray()

    @property
    def done(self) -> bool:
        """Both sides have agreed: from here on the connection is a tunnel."""
        return self._state == DONE

    @property
    def trailing_data(self) -> bytes:
        """What arrived after the handshake's end. It belongs to the tunnel. Empty until ``done``."""
        return bytes(self._buffer) if self._state == DONE else b""

    def data_to_send(self) -> bytes:
        """What must go out now. Taking it empties it."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer, in any pieces. Raises RemoteProtocolError when the peer refuses or is wrong."""
        if self._state == FAILED:
            raise RemoteProtocolError(Refusal.MALFORMED, f"bytes after a {self._protocol} handshake that failed")
        self._buffer += data
        self._run()

    def receive_eof(self) -> None:
        """The peer has closed. Raises RemoteProtocolError(EOF) unless ``done``."""
        if self._state != DONE:
            self._state = FAILED
            raise RemoteProtocolError(Refusal.EOF, f"the peer closed during the {self._protocol} handshake")

    def _run(self) -> None:
        steps = self._steps
        while (step := steps.get(self._state)) is not None:
            if not step(self):
                return
        if self._state != DONE and len(self._buffer) > WAITING_LIMIT_BYTES:
            self._refuse(Refusal.LIMIT, "the client sent too much before it was answered")

    def _take(self, size: int) -> bytes:
        buffer = self._buffer
        taken = bytes(buffer[:size])
        del buffer[:size]
        return taken

    def _refuse(self, refusal: Refusal, message: str, code: int = 0) -> NoReturn:
        self._state = FAILED
        raise RemoteProtocolError(refusal, message, code)

    def _expect(self, *states: str) -> None:
        if self._state not in states:
            raise LocalProtocolError(f"this answer does not fit: the {self._protocol} handshake is at {self._state}")
