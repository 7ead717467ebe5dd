"""TLS without a socket: one layer on a pair of memory BIOs, and the contexts that all connections share."""

from __future__ import annotations

import contextlib
import ssl

from msgspec import Struct

_READ_BYTES = 65_536
"""Four TLS records (RFC 8446 section 5.1 allows 16 KiB each): one call empties what one socket read brings."""


class TlsContexts(Struct, frozen=True):
    """Made once and shared: loading the system's authorities costs about 30 ms."""

    target: ssl.SSLContext
    """Verifies names and chains: for judges and targets."""
    proxy: ssl.SSLContext
    """For TLS *to* a proxy."""


def make_contexts(ca_file: str | None = None, *, verify_proxy: bool = False) -> TlsContexts:
    """Contexts with the system's authorities, and those of ``ca_file`` (PEM) beside them.

    Raises OSError or ssl.SSLError when ``ca_file`` cannot be read.
    """
    target = ssl.create_default_context()
    if ca_file is not None:
        target.load_verify_locations(cafile=ca_file)
    if verify_proxy:
        return TlsContexts(target, target)
    # Public https proxies are dialled by address and show self-signed certificates; refusing them would find none.
    # Nothing rests on this layer: what must be trusted is verified end to end inside it.
    proxy = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    proxy.check_hostname = False
    proxy.verify_mode = ssl.CERT_NONE
    return TlsContexts(target, proxy)


class TlsLayer:
    """One TLS client. Bytes from below go into ``receive_data``, bytes for below come out of ``data_to_send``.

    ``receive_data`` raises ssl.SSLError for whatever the peer does wrong (SSLCertVerificationError for its
    certificate). ``closed`` turns true when the peer ended the stream properly.
    """

    __slots__ = ("_incoming", "_object", "_outgoing", "closed", "done")

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        self.done = False
        self.closed = False

    def start(self) -> None:
        """Produce the ClientHello."""
        self._step()

    def data_to_send(self) -> bytes:
        return self._outgoing.read()

    def send(self, data: bytes) -> None:
        """Encrypt application bytes; only after ``done``."""
        if data:
            self._object.write(data)

    def receive_data(self, data: bytes) -> bytes:
        """Take bytes from below; application bytes, if any, come back."""
        if data:
            self._incoming.write(data)
        if not self.done:
            self._step()
            if not self.done:
                return b""
        if self.closed:
            return b""
        first = self._read()
        if len(first) < 16_384:
            # A shorter read than one record means the BIO is empty or the next record is not whole: one more tells.
            more = self._read() if first else b""
            if not more:
                return first
            first += more
        parts = [first]
        while part := self._read():
            parts.append(part)
        return b"".join(parts)

    @property
    def certificate(self) -> bytes | None:
        """What the peer showed, in DER form; None before the handshake."""
        return self._object.getpeercert(True)

    def end(self) -> None:
        """Nothing more will be sent: produce the close_notify. What the peer still sends can be read."""
        # WANT_READ: the peer's own close_notify has not come, which nobody needs to wait for.
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()

    def receive_eof(self) -> None:
        """The stream below has ended. Raises ssl.SSLError while the handshake is not done."""
        self._incoming.write_eof()
        if not self.done:
            self._step()

    def _step(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.done = True

    def _read(self) -> bytes:
        try:
            data = self._object.read(_READ_BYTES)
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLZeroReturnError:
            data = b""
        if not data:
            self.closed = True
        return data
