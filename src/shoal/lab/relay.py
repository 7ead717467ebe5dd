"""From a proxy to the target and back: late, tampered with or intercepted as the proxy's nature is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from shoal.lab.presets import Tampering
from shoal.lab.tamper import tamper
from shoal.lab.tls_pipe import Interceptor

_AHEAD_LIMIT_BYTES: Final = 262_144
"""A client may send this much before the target's connection stands."""
_TAMPER_LIMIT_BYTES: Final = 4_194_304
"""An answer beyond this is passed on as it is."""


def lab_address(host: str) -> str | None:
    """Where the lab's own resolver sends a host: only 127/8 is ever dialled, ``*.lab`` is this machine, else None."""
    if host.startswith("127."):
        return host if host.replace(".", "").isdigit() else None
    if host == "localhost" or host.endswith(".lab"):
        return "127.0.0.1"
    return None


class Client(Protocol):
    """The client's side, as the relay needs it."""

    def send(self, data: bytes) -> None: ...

    def finish(self, data: bytes = b"") -> None: ...

    def later(self, delay: float, act: Callable[..., None], *args: Any) -> None: ...

    def set_reading(self, on: bool) -> None: ...


class Relay(asyncio.Protocol):
    """The connection to one target. ``answered`` is called with True when it stands, with False if it cannot be had.

    ``delay`` passes before the target's first byte. With ``tampering`` the whole answer is collected and changed;
    with ``shown`` (a server context) TLS inside the tunnel is opened.
    """

    __slots__ = (
        "_ahead", "_answered", "_client", "_closed", "_collected", "_delay", "_held", "_interceptor", "_transport",
        "route", "shown", "tampering",
    )  # fmt: skip

    def __init__(
        self,
        client: Client,
        route: tuple[str, int, str],
        answered: Callable[[bool], None],
        *,
        ahead: bytes = b"",
        delay: float = 0.0,
        tampering: Tampering | None = None,
        shown: ssl.SSLContext | None = None,
    ) -> None:
        self._client = client
        self.route = route
        """Target host and port, and the address to leave by."""
        self._answered = answered
        self._ahead = bytearray(ahead)
        self._delay = delay
        self.tampering = tampering
        self.shown = shown
        self._transport: asyncio.Transport | None = None
        self._interceptor: Interceptor | None = None
        self._held: bytearray | None = None
        self._collected = bytearray()
        self._closed = False

    # -- from the client -----------------------------------------------------------------------------------------

    def from_client(self, data: bytes) -> None:
        """Pass bytes on, or keep them until the target's connection stands."""
        if self._transport is None:
            self._ahead += data
            if len(self._ahead) > _AHEAD_LIMIT_BYTES:
                self._client.set_reading(False)
            return
        if self.shown is not None:
            if data[:1] == b"\x16":
                self._interceptor = Interceptor(self.shown, "judge.lab")
            self.shown = None
        if self._interceptor is not None:
            data, back = self._interceptor.from_client(data)
            if back:
                self._client.send(back)
        if data:
            self._transport.write(data)

    def client_slow(self, slow: bool) -> None:
        """The client does not take what it is sent."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading() if slow else self._transport.resume_reading()

    def abort(self) -> None:
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    def failed(self) -> None:
        """The target could not be connected to."""
        if not self._closed:
            self._answered(False)

    # -- from the target (asyncio.Protocol) ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._closed:
            transport.abort()  # type: ignore[attr-defined]
            return
        self._answered(True)
        if self._ahead:
            ahead = bytes(self._ahead)
            self._ahead.clear()
            self.from_client(ahead)
            self._client.set_reading(True)

    def data_received(self, data: bytes) -> None:
        if self.tampering is not None:
            self._collected += data
            if len(self._collected) > _TAMPER_LIMIT_BYTES:
                self.tampering = None
                self._pass(bytes(self._collected))
            return
        if self._interceptor is not None:
            try:
                back, data = self._interceptor.from_target(data)
            except ssl.SSLError:
                self.connection_lost(None)
                return
            if back and self._transport is not None:
                self._transport.write(back)
            if data:
                self._pass(data)
            if self._interceptor.target.ended and self._transport is not None:
                self._transport.close()
            return
        self._pass(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._closed:
            return
        if self.tampering is not None:
            how, self.tampering = self.tampering, None
            if self._collected:
                self._pass(tamper(bytes(self._collected), how))
        self._closed = True
        if self._interceptor is not None:
            self._interceptor.client.end()
            self._pass(self._interceptor.client.outgoing())
        if self._held is None:
            self._client.finish()

    def pause_writing(self) -> None:
        self._client.set_reading(False)

    def resume_writing(self) -> None:
        self._client.set_reading(True)

    def _pass(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
        elif self._delay > 0:
            self._held = bytearray(data)
            delay, self._delay = self._delay, 0.0
            self._client.later(delay, self._release)
        else:
            self._client.send(data)

    def _release(self) -> None:
        held, self._held = self._held, None
        self._client.send(bytes(held or b""))
        if self._closed:
            self._client.finish()
