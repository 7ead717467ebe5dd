"""A plain GET of the usual kind over a connection that is open already: nothing is raced, copied or written anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shoal.domain import Feedback
from shoal.gateway.attempt import Attempt
from shoal.gateway.core import Core, Seen
from shoal.gateway.demand import Demand
from shoal.gateway.exchange import AHEAD_LIMIT_BYTES, Exchange
from shoal.gateway.http_request import PlainRequest
from shoal.gateway.idle import Line
from shoal.gateway.quick_head import QuickRequest, quick_fields, split_answer
from shoal.wire import RequestHeadReader

if TYPE_CHECKING:
    from shoal.gateway.http_client import HttpClient

_HEAD_LIMIT_BYTES: Final = 16_384


class QuickExchange:
    """As ``Exchange`` towards the client. Until the answer's head has been taken, whatever is not usual (a status that
    may be the proxy's own, another framing, an end) hands everything over to an ``Exchange``, as if it had been that
    from the beginning."""

    __slots__ = (
        "_begun", "_client", "_core", "_demand", "_head", "_left", "_line", "_over", "_raw", "ahead", "down", "up",
    )  # fmt: skip

    def __init__(self, core: Core, client: HttpClient, demand: Demand, line: Line, raw: bytes, now: float) -> None:
        """``raw`` is the client's request as it came."""
        self._core = core
        self._client = client
        self._demand = demand
        self._line = line
        self._raw = raw
        self._head = b""
        self._left = -1
        self._over = False
        self._begun = now
        self.ahead = bytearray()
        self.up = self.down = 0

    def start(self, request: bytes) -> None:
        """``request`` is what goes to the upstream."""
        self._core.chooser.enter(self._line.pick, self._demand.target)
        self._line.taker = self
        self._line.transport.write(request)

    @property
    def moved(self) -> int:
        """Bytes both ways so far."""
        return self.up + self.down

    def describe(self) -> Seen:
        """For whoever looks on."""
        demand = self._demand
        return demand.user.name, demand.target, self._line.pick, self._begun, self.up, self.down

    def tick(self, now: float) -> None:
        """Called about once a second: an answer that has not begun in time is given up for another proxy's."""
        if self._left < 0 and not self._over and now - self._begun > self._core.options.first_byte:
            self._hand_over().silent()

    # -- the client ----------------------------------------------------------------------------------------------

    def client_data(self, data: bytes) -> None:
        self.up += len(data)
        self.ahead += data
        if len(self.ahead) > AHEAD_LIMIT_BYTES:
            self._client.transport.pause_reading()

    def client_slow(self, slow: bool) -> None:
        """The client does not take what it is sent, or does again."""
        transport = self._line.transport
        transport.pause_reading() if slow else transport.resume_reading()

    def cancel(self) -> None:
        """The client has gone."""
        if not self._over:
            self._line.transport.abort()
            self._end()

    # -- the upstream --------------------------------------------------------------------------------------------

    def line_data(self, data: bytes) -> None:
        self.down += len(data)
        if self._left >= 0:
            self._body(data)
            return
        if self._head:
            data = self._head + data
        end = data.find(b"\r\n\r\n")
        found = split_answer(data[: end + 2]) if end >= 0 else None
        if found is None:
            if end < 0 and len(data) < _HEAD_LIMIT_BYTES:
                self._head = data
            else:
                self._hand_over().take(data)
            return
        core, line, demand = self._core, self._line, self._demand
        length, head = found
        latency = core.loop.time() - self._begun
        core.answered(demand)
        core.tally.first_byte.observe(latency)
        pick = line.pick
        core.service.report(pick.record.key, pick.proxy, Feedback(ok=True, latency=latency, target=demand.target))
        self._left = length
        # The last line end of the head is the first of the tail.
        out = head[:-2] + line.tail
        body = data[end + 4 :]
        if len(body) > length:
            self._client.transport.write(out + body[:length])
            self._left = -2
            self._finish(reusable=False)
            return
        self._left = length - len(body)
        self._client.transport.write(out + body)
        if not self._left:
            self._finish(reusable=True)

    def _body(self, data: bytes) -> None:
        left = self._left - len(data)
        if left > 0:
            self._left = left
            self._client.transport.write(data)
            return
        self._client.transport.write(data if not left else data[:left])
        self._finish(reusable=not left)

    def line_ended(self, exc: Exception | None) -> None:
        if self._over:
            return
        if self._left < 0:
            self._hand_over().end(exc)
            return
        # Half an answer is with the client.
        self._line.transport.abort()
        self._end()
        self._client.reset()

    # -- inside --------------------------------------------------------------------------------------------------

    def _finish(self, *, reusable: bool) -> None:
        line = self._line
        self._end()
        if reusable and not line.transport.is_closing() and not self._core.closing:
            self._core.idle_upstreams.give_back(line)
        else:
            line.transport.abort()
        self._client.exchange_done(keep=True)

    def _end(self) -> None:
        self._over = True
        core, user, pick = self._core, self._demand.user, self._line.pick
        self._line.taker = None
        counters = core.counters
        counters.bytes_up += self.up
        counters.bytes_down += self.down
        user.count(self.up, self.down)
        user.connections -= 1
        core.chooser.moved(pick, self.up + self.down)
        core.chooser.leave(pick)

    def _hand_over(self) -> Exchange:
        """The same exchange, with all that an unusual one needs."""
        self._over = True
        core, line = self._core, self._line
        line.taker = None
        reader = RequestHeadReader(core.options.head_limit_bytes, core.options.max_headers)
        head = reader.receive_data(self._raw)
        assert head is not None
        exchange = Exchange(core, self._client, PlainRequest(head), self._demand)
        self._client.handed_over(exchange)
        attempt = Attempt(core, exchange.race, line.pick, line.mode)
        attempt.transport, attempt.reused = line.transport, True
        exchange.ahead, exchange.up = self.ahead, self.up
        exchange.adopt(attempt, self._begun)
        return exchange


def remember(core: Core, block: QuickRequest, request: PlainRequest, demand: Demand) -> None:
    """The next request like this one takes the short way."""
    fields = core.quick.get(block.fields)
    if fields is None:
        fields = quick_fields(request, demand.user, demand.params)
        if fields is None:
            return
        core.remember_fields(block.fields, fields)
    # The authority goes to the next hop as it is: only where the full reader writes the same.
    if request.authority.encode("latin-1") == block.authority:
        fields.remember(block.authority, demand)
