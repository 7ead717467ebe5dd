"""SOCKS5, SOCKS4 and SOCKS4a clients, up to the tunnel."""

from __future__ import annotations

import asyncio

from shoal.gateway.attempt import Attempt
from shoal.gateway.core import Core, Seen
from shoal.gateway.demand import Demand, Kind
from shoal.gateway.refusal import NO_CREDENTIALS, OVERLOADED, Refusal, socks5_reply
from shoal.gateway.tunnel import Tunnel
from shoal.gateway.users import User
from shoal.policy.gateway_params import NO_PARAMS, GatewayParams
from shoal.wire import RemoteProtocolError, Socks4Request, Socks4Server, Socks5Server

_CONNECT = 1


class SocksClient(asyncio.Protocol):
    """Reads the request; success is told only once a tunnel stands."""

    kind = "hello"
    __slots__ = ("_core", "_deadline", "_params", "_server", "_transport", "_user", "_waiting")

    def __init__(self, core: Core, transport: asyncio.Transport, version: int) -> None:
        self._core = core
        self._transport = transport
        self._server: Socks4Server | Socks5Server = (
            Socks5Server(require_auth=core.users.required) if version == 5 else Socks4Server()
        )
        self._user: User = core.users.nobody
        self._params = NO_PARAMS
        self._waiting = False
        self._deadline = core.loop.time() + core.options.head_timeout
        core.live.add(self)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        server = self._server
        try:
            server.receive_data(data)
            if not self._waiting:
                self._go_on()
        except RemoteProtocolError:
            self._close()

    def _go_on(self) -> None:
        server = self._server
        if isinstance(server, Socks5Server):
            if server.pending == "auth":
                self._log_in(server.username or "", server.password or "")
                return
            if server.pending == "request" and server.request is not None:
                self._open(server.request.command, server.request.host, server.request.port)
                return
        elif server.request is not None:
            self._log_in_socks4(server.request)
            return
        self._flush()

    # -- credentials ---------------------------------------------------------------------------------------------

    def _log_in_socks4(self, request: Socks4Request) -> None:
        # SOCKS4 has a user id only: a password stands behind a colon.
        name, _, password = request.user_id.partition(":")
        self._log_in(name, password)

    def _log_in(self, username: str, password: str) -> None:
        core = self._core
        name, rest = core.users.split(username)
        found = core.users.check(name, password)
        if found is None:
            self._waiting = True
            core.tasks.start(self._log_in_slowly(name, password, rest), "gateway login")
        else:
            self._logged_in(found, rest)

    async def _log_in_slowly(self, name: str, password: str, rest: str) -> None:
        found = await self._core.users.check_slowly(name, password)
        self._waiting = False
        if not self._transport.is_closing():
            try:
                self._logged_in(found, rest)
            except RemoteProtocolError:
                self._close()

    def _logged_in(self, found: tuple[User, str] | Refusal, hyphens: str) -> None:
        refusal: Refusal | None = None
        if isinstance(found, Refusal):
            refusal = found
        else:
            self._user = found[0]
            params = self._core.params_or_refusal(hyphens, found[1])
            if isinstance(params, GatewayParams):
                self._params = params
            else:
                refusal = params
        server = self._server
        if isinstance(server, Socks4Server):
            if refusal is not None:
                self._refuse(refusal)
            elif server.request is not None:
                self._open(server.request.command, server.request.host, server.request.port)
            return
        server.accept_auth(refusal is None)
        if refusal is not None:
            self._core.refuse(refusal.code)
            self._close()
        else:
            self._go_on()

    # -- the request ---------------------------------------------------------------------------------------------

    def _open(self, command: int, host: str, port: int) -> None:
        core, user = self._core, self._user
        core.counters.requests += 1
        if core.is_overloaded:
            self._refuse(OVERLOADED)
            return
        canonical, refusal = core.judge_target(host, port)
        if command != _CONNECT:
            refusal = Refusal(501, "not_supported", "only CONNECT is supported")
        elif core.users.required and user is core.users.nobody:
            refusal = NO_CREDENTIALS
        user.connections += 1
        refusal = refusal or user.admit(core.loop.time())
        if refusal is not None:
            user.connections -= 1
            self._refuse(refusal)
            return
        demand = Demand(Kind.TUNNEL, canonical, port, user, self._params)
        if core.target_resolver is None:
            self._dial(demand)
        else:
            self._waiting = True
            core.tasks.start(self._resolve(demand), "gateway resolve")

    async def _resolve(self, demand: Demand) -> None:
        refusal = await self._core.resolve_target(demand)
        self._waiting = False
        if refusal is not None or self._transport.is_closing():
            demand.user.connections -= 1
            self._refuse(refusal or NO_CREDENTIALS)
        else:
            self._dial(demand)

    def _dial(self, demand: Demand) -> None:
        core = self._core
        core.live.discard(self)
        self._flush()
        server = self._server

        def granted(attempt: Attempt) -> tuple[bytes, bytes]:
            if isinstance(server, Socks5Server):
                server.reply(0)
            else:
                server.reply(True)
            return server.data_to_send(), server.trailing_data

        Tunnel(core, self._transport, demand, granted, self._refusal_bytes).start()

    def _refusal_bytes(self, refusal: Refusal) -> bytes:
        server = self._server
        if isinstance(server, Socks5Server):
            if server.pending == "request":
                server.reply(socks5_reply(refusal))
        else:
            server.reply(False)
        return server.data_to_send()

    def _refuse(self, refusal: Refusal) -> None:
        self._core.refuse(refusal.code)
        if not self._transport.is_closing():
            self._transport.write(self._refusal_bytes(refusal))
        self._close()

    def _flush(self) -> None:
        if out := self._server.data_to_send():
            self._transport.write(out)

    def _close(self) -> None:
        self._flush()
        self._transport.close()
        self._core.live.discard(self)

    # -- the connection ------------------------------------------------------------------------------------------

    def eof_received(self) -> None:
        self._core.live.discard(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._core.live.discard(self)

    def sweep(self, now: float) -> None:
        if now > self._deadline:
            self.abort()

    def abort(self) -> None:
        self._transport.abort()
        self._core.live.discard(self)

    def describe(self) -> Seen | None:
        return None

    @property
    def is_idle(self) -> bool:
        return True
