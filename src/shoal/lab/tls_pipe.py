"""TLS on memory buffers, for a connection whose first bytes have already been read."""

from __future__ import annotations

import contextlib
import ssl


class TlsPipe:
    """One side of a TLS connection without a socket. After every call send what ``outgoing`` gives."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=server_side, server_hostname=server_hostname)
        self._open = False
        self.ended = False
        """The peer has said that it sends no more."""
        self._waiting = bytearray()

    def start(self) -> None:
        """Say hello first (clients)."""
        self.feed(b"")

    def feed(self, data: bytes) -> bytes:
        """Take records from the peer; the plain text in them. Raises ssl.SSLError for what is not TLS."""
        if data:
            self._in.write(data)
        if not self._open:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self._open = True
            if self._waiting:
                self._tls.write(self._waiting)
                self._waiting.clear()
        plain = bytearray()
        while True:
            try:
                piece = self._tls.read(65_536)
            except ssl.SSLWantReadError:
                return bytes(plain)
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self.ended = True
                return bytes(plain)
            plain += piece

    def write(self, data: bytes) -> None:
        """Plain text for the peer; kept until the handshake is over."""
        if self._open:
            self._tls.write(data)
        else:
            self._waiting += data

    def end(self) -> None:
        """Say that no more is sent, so that nobody takes the close for an attack."""
        if self._open:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()

    def outgoing(self) -> bytes:
        return self._out.read()


class Interceptor:
    """Between a client and a target: shows the client its own certificate, and reads all."""

    def __init__(self, shown: ssl.SSLContext, name: str) -> None:
        self.client = TlsPipe(shown, server_side=True)
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        self.target = TlsPipe(unverified, server_side=False, server_hostname=name)
        self.target.start()

    def from_client(self, data: bytes) -> tuple[bytes, bytes]:
        """What goes to the target, what goes back to the client."""
        self.target.write(self.client.feed(data) or b"")
        return self.target.outgoing(), self.client.outgoing()

    def from_target(self, data: bytes) -> tuple[bytes, bytes]:
        """What goes back to the target, what goes to the client."""
        plain = self.target.feed(data)
        if plain:
            self.client.write(plain)
        return self.target.outgoing(), self.client.outgoing()
