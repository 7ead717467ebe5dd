"""An HTTP client: heads read one after the other, CONNECT to a tunnel, everything else to an exchange."""

from __future__ import annotations

import asyncio

from shoal.errors import InvalidQueryError
from shoal.gateway.attempt import Attempt
from shoal.gateway.choosing import NONE_TRIED, Choice
from shoal.gateway.core import Core, Seen
from shoal.gateway.demand import Demand, Kind
from shoal.gateway.exchange import Exchange
from shoal.gateway.http_answer import named
from shoal.gateway.http_request import PlainRequest, Refused, basic_login, check_protocol, connect_target
from shoal.gateway.quick import QuickExchange, remember
from shoal.gateway.quick_head import QuickRequest, request_bytes, split_request
from shoal.gateway.refusal import NO_CREDENTIALS, OVERLOADED, Refusal, connect_refusal, http_refusal
from shoal.gateway.tunnel import Tunnel
from shoal.gateway.users import User
from shoal.net.relay import reset
from shoal.wire import RemoteProtocolError, RequestHead, RequestHeadReader

_AHEAD_LIMIT_BYTES = 65_536
"""What a client may send while its credentials are checked."""

_LINGER = 2.0
"""Seconds that a client has to read the last answer and close."""
_SHED = http_refusal(OVERLOADED, connect=False, close=False)

Login = tuple[User, str, str]
"""The user, and the parameters of user name and password."""


class HttpClient(asyncio.Protocol):
    """One connection. Requests are served strictly one after the other: what is sent ahead waits."""

    __slots__ = (
        "_block", "_connect", "_core", "_deadline", "_ended", "_exchange", "_first", "_login", "_login_text",
        "_moved", "_over", "_pending", "_reader", "_waiting", "transport",
    )  # fmt: skip
    kind = "request"

    def __init__(self, core: Core, transport: asyncio.Transport) -> None:
        self._core = core
        self.transport = transport
        self._exchange: Exchange | QuickExchange | None = None
        self._first: Choice | None = None
        self._block: QuickRequest | None = None
        self._connect: bytes | None = None
        self._login: Login | None = None
        self._login_text: str | None = None
        self._pending = bytearray()
        self._waiting = False
        self._over = False
        self._ended = False
        self._moved = 0
        self._deadline = core.loop.time() + core.options.head_timeout
        self._reader = self._new_reader()
        core.live.add(self)
        transport.set_protocol(self)

    def _new_reader(self) -> RequestHeadReader:
        options = self._core.options
        return RequestHeadReader(options.head_limit_bytes, options.max_headers)

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        if self._exchange is not None:
            self._exchange.client_data(data)
        elif self._waiting:
            self._pending += data
            if len(self._pending) > _AHEAD_LIMIT_BYTES:
                self.transport.pause_reading()
        else:
            if self._deadline > self._core.loop.time() + self._core.options.head_timeout:
                # The wait between requests is over: from now on a head is due.
                self._deadline = self._core.loop.time() + self._core.options.head_timeout
            self._read(data)

    def eof_received(self) -> bool:
        # A client may say that it will ask no more, and still wait for its answer.
        self._ended = True
        return self._exchange is not None or self._waiting

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._core.live.discard(self)
        if self._exchange is not None:
            self._exchange.cancel()
            self._exchange = None

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.client_slow(True)

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.client_slow(False)

    # -- the sweeper ---------------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        exchange = self._exchange
        if exchange is None or self._over:
            if now > self._deadline:
                self.abort()
        elif exchange.moved != self._moved:
            self._moved = exchange.moved
            self._deadline = now + self._core.options.idle
        elif now > self._deadline:
            self.abort()
        else:
            exchange.tick(now)

    def abort(self) -> None:
        self.transport.abort()
        self.connection_lost(None)

    def reset(self) -> None:
        """Half an answer is with the client: only a reset tells it that the rest is missing."""
        reset(self.transport)
        self.connection_lost(None)

    def describe(self) -> Seen | None:
        return None if self._exchange is None else self._exchange.describe()

    @property
    def is_idle(self) -> bool:
        return self._exchange is None and not self._waiting

    # -- one request ---------------------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        self._first = None
        if self._core.is_overloaded:
            self._shed(data)
            return
        if data.startswith(b"CONNECT ") and self._reader.is_empty:
            if self._connect_quickly(data):
                return
            self._connect = data
        elif self._reader.is_empty and self._core.target_resolver is None:
            quick = split_request(data)
            if quick is not None and self._go_quickly(quick, data):
                return
            self._block = quick
        else:
            self._block = None
        try:
            head = self._reader.receive_data(data)
        except RemoteProtocolError as error:
            self._refuse(check_protocol(error), connect=False)
            return
        if head is None:
            return
        rest = self._reader.trailing_data
        self._core.counters.requests += 1
        self._authorise(head, rest)

    def _shed(self, data: bytes) -> None:
        """Who may ask again on the same connection costs least."""
        if self._ended or not self._reader.is_empty or split_request(data) is None:
            self._refuse(OVERLOADED, connect=data.startswith(b"CONNECT "))
            return
        self._core.refuse(OVERLOADED.code)
        self._deadline = self._core.loop.time() + self._core.options.idle_client
        self.transport.write(_SHED)

    def _go_quickly(self, quick: QuickRequest, data: bytes) -> bool:
        """Serve a request whose like was judged before, over a connection that is there; False: the usual way."""
        core = self._core
        fields = core.quick.get(quick.fields)
        demand = None if fields is None else fields.demands.get(quick.authority)
        if fields is None or demand is None or core.closing:
            return False
        choice = core.chooser.choose(demand, NONE_TRIED)
        if choice is None:
            return False
        line = core.idle_upstreams.take(demand, *choice)
        if line is None:
            # Not thrown away: it was counted as that proxy's turn.
            self._first = choice
            return False
        user = demand.user
        user.connections += 1
        now = core.loop.time()
        refusal = user.admit(now)
        core.counters.requests += 1
        if refusal is not None:
            user.connections -= 1
            core.idle_upstreams.give_back(line)
            self._refuse(refusal, connect=False)
            return True
        core.hedges.earn()
        self._moved = 0
        self._deadline = now + core.options.idle
        exchange = self._exchange = QuickExchange(core, self, demand, line, data, now)
        base = b"http://" + quick.authority if line.is_forward else b""
        exchange.start(request_bytes(base, quick.path, quick.authority, line.login, fields.out))
        return True

    def _connect_quickly(self, data: bytes) -> bool:
        """Serve a CONNECT whose like was judged before; False: the usual way."""
        core = self._core
        demand = core.connects.get(data)
        if demand is None or core.closing:
            return False
        user = demand.user
        core.counters.requests += 1
        user.connections += 1
        refusal = core.judge_target(demand.host, demand.port)[1] or user.admit(core.loop.time())
        if refusal is not None:
            user.connections -= 1
            self._refuse(refusal, connect=True)
        else:
            self._go(demand, None, b"")
        return True

    def handed_over(self, exchange: Exchange) -> None:
        """A quick exchange goes on as an ordinary one."""
        self._exchange = exchange

    def _authorise(self, head: RequestHead, rest: bytes) -> None:
        core = self._core
        text = head.get("proxy-authorization") or ""
        if text == self._login_text and self._login is not None:
            self._authorised(head, rest, self._login)
            return
        login = basic_login(head) if text else None
        if login is None:
            if core.users.required:
                self._refuse(NO_CREDENTIALS, connect=head.method == "CONNECT")
                return
            self._login_text, self._login = text, (core.users.nobody, "", "")
            self._authorised(head, rest, self._login)
            return
        name, hyphens = core.users.split(login[0])
        found = core.users.check(name, login[1])
        if found is None:
            self._waiting = True
            self._pending += rest
            core.tasks.start(self._authorise_slowly(head, text, name, login[1], hyphens), "gateway login")
        else:
            self._found(head, rest, text, found, hyphens)

    async def _authorise_slowly(self, head: RequestHead, text: str, name: str, password: str, hyphens: str) -> None:
        found = await self._core.users.check_slowly(name, password)
        self._waiting = False
        if not self._over:
            rest = bytes(self._pending)
            self._pending.clear()
            self.transport.resume_reading()
            self._found(head, rest, text, found, hyphens)

    def _found(
        self, head: RequestHead, rest: bytes, text: str, found: tuple[User, str] | Refusal, hyphens: str
    ) -> None:
        if isinstance(found, Refusal):
            self._refuse(found, connect=head.method == "CONNECT")
            return
        self._login_text, self._login = text, (found[0], hyphens, found[1])
        self._authorised(head, rest, self._login)

    def _authorised(self, head: RequestHead, rest: bytes, login: Login) -> None:
        core, user = self._core, login[0]
        connect = head.method == "CONNECT"
        try:
            params = core.read_params(login[1], login[2], head.headers)
            request = None
            if connect:
                host, port = connect_target(head)
            else:
                request = PlainRequest(head)
                host, port = request.host, request.port
        except InvalidQueryError as error:
            self._refuse(Refusal(400, "parameter", str(error)), connect=connect)
            return
        except Refused as error:
            self._refuse(error.refusal, connect=connect)
            return
        except RemoteProtocolError as error:
            self._refuse(check_protocol(error), connect=connect)
            return
        canonical, refusal = core.judge_target(host, port)
        user.connections += 1
        refusal = refusal or user.admit(core.loop.time())
        if refusal is not None:
            user.connections -= 1
            self._refuse(refusal, connect=connect)
            return
        kind = Kind.TUNNEL if connect else Kind.PLAIN
        if request is not None and request.upgrade is not None:
            kind = Kind.UPGRADE
        demand = Demand(kind, canonical, port, user, params)
        if request is not None and self._block is not None and core.target_resolver is None:
            remember(core, self._block, request, demand)
        elif connect and core.target_resolver is None and not rest:
            core.remember_connect(self._connect, demand)
        if core.target_resolver is None:
            self._go(demand, request, rest)
        else:
            self._waiting = True
            self._pending += rest
            core.tasks.start(self._resolve(demand, request), "gateway resolve")

    async def _resolve(self, demand: Demand, request: PlainRequest | None) -> None:
        refusal = await self._core.resolve_target(demand)
        self._waiting = False
        rest = bytes(self._pending)
        self._pending.clear()
        if refusal is None and not self._over:
            self.transport.resume_reading()
            self._go(demand, request, rest)
            return
        demand.user.connections -= 1
        if refusal is not None and not self._over:
            self._refuse(refusal, connect=request is None)

    def _go(self, demand: Demand, request: PlainRequest | None, rest: bytes) -> None:
        core = self._core
        if request is None:
            transport = self.let_go()

            def granted(attempt: Attempt) -> tuple[bytes, bytes]:
                words = f"HTTP/1.1 200 Connection established\r\nX-Shoal-Proxy: {named(attempt.pick)}\r\n\r\n"
                return words.encode("latin-1", "replace"), rest

            Tunnel(core, transport, demand, granted, connect_refusal).start()
            return
        self._moved = 0
        self._reader = self._new_reader()
        self._deadline = core.loop.time() + core.options.idle
        first, self._first = self._first, None
        exchange = self._exchange = Exchange(core, self, request, demand)
        exchange.start(rest, first)

    # -- called by the exchange ----------------------------------------------------------------------------------

    def let_go(self) -> asyncio.Transport:
        """The connection goes to somebody else."""
        self._over = True
        self._exchange = None
        self._core.live.discard(self)
        return self.transport

    def exchange_done(self, *, keep: bool) -> None:
        """The answer is complete; go on with what was sent ahead."""
        exchange, self._exchange = self._exchange, None
        if self._over:
            return
        if not keep or self._core.closing or exchange is None or (self._ended and not exchange.ahead):
            self._close()
            return
        self._deadline = self._core.loop.time() + self._core.options.idle_client
        self.transport.resume_reading()
        if exchange.ahead:
            # Not now: a chain of requests sent ahead would become a chain of calls.
            self._waiting = True
            self._pending += exchange.ahead
            self._core.loop.call_soon(self._read_ahead)

    def _read_ahead(self) -> None:
        self._waiting = False
        data = bytes(self._pending)
        self._pending.clear()
        if not self._over:
            self._read(data)

    def exchange_refused(self, refusal: Refusal, *, begun: bool) -> None:
        """There is no answer; with ``begun`` a part of one is with the client already."""
        self._exchange = None
        if begun:
            self.reset()
        elif not self._over:
            self._refuse(refusal, connect=False)

    def _refuse(self, refusal: Refusal, *, connect: bool) -> None:
        self._core.refuse(refusal.code)
        if not self.transport.is_closing():
            self.transport.write(http_refusal(refusal, connect=connect, close=True))
        self._close()

    def _close(self) -> None:
        """End our way, and read on for a little: closing with something unread would reset the answer away."""
        self._over = True
        if self._ended or self.transport.is_closing():
            self.transport.close()
            self._core.live.discard(self)
            return
        self._deadline = self._core.loop.time() + _LINGER
        self.transport.write_eof()
        self.transport.resume_reading()
