"""The judges together: asked directly at intervals, so that our own trouble is never taken for a proxy's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from shoal.domain import Failure, Reason, Stage, Trust
from shoal.domain.judge import DOCUMENTS
from shoal.options import JudgeOptions
from shoal.policy.discovery import STRANGE_NAME, Judges
from shoal.policy.verdict import OwnAddresses
from shoal.ports import Clock, JudgeStatus, ResolveError, Resolver
from shoal.probe.calibration import calibrate
from shoal.probe.connection import Exchange
from shoal.probe.dialects import read_echo, read_signature
from shoal.probe.judges import Judge, JudgeKind
from shoal.probe.seat import NOBODY, Reference, Seat, in_turn
from shoal.probe.wheel import TimerWheel
from shoal.upstream import Target, TlsContexts, UpstreamPlan, failure_from, status_failure

CONTROL_TIMEOUT: Final = 5.0
"""Seconds for a direct request. A judge slower than this would spoil every latency."""

CONFIRM_SPACING_OWN: Final = 0.1
CONFIRM_SPACING_PUBLIC: Final = 1.0
"""Seconds between two extra control requests to one judge: failures wait for the next one together."""

UNHEALTHY_INTERVAL: Final = 2.0
"""Seconds between rounds while nobody answers: how soon a network that came back is noticed."""

ANSWER_LIMIT_BYTES: Final = 262_144

PAGE_INTERVAL: Final = 600.0
"""Seconds between two readings of a foreign judge's page: three requests to somebody else's service."""

MIN_PAGE_BYTES: Final = 200
"""Proxies that put something into pages leave very short ones alone, so a shorter page would prove little."""

_PAGES: Final[dict[JudgeKind, tuple[str, ...]]] = {"httpbin": ("/html", "/")}
"""Pages of known services that never change."""

Nonce = Callable[[], str]


class JudgePanel:
    """Implements ``ports.Vantage``. Start ``run`` as a task; ``round`` asks every judge once.

    ``pick`` is for the prober: own judges first, then the public ones in turn, each within ``options.public_rate``.
    """

    def __init__(
        self,
        judges: Sequence[Judge],
        options: JudgeOptions,
        resolver: Resolver,
        clock: Clock,
        nonce: Nonce,
        contexts: TlsContexts,
    ) -> None:
        self._seats = tuple(Seat(judge) for judge in judges)
        self._options = options
        self._resolver = resolver
        self._clock = clock
        self._nonce = nonce
        self._contexts = contexts
        self._wheel: TimerWheel | None = None
        self._turn = 0
        self._healthy = False
        self._well_since = float("-inf")
        self._own = NOBODY
        self._came_well = asyncio.Event()
        self._controls: dict[Seat, asyncio.Future[None]] = {}
        self.at_hand = Judges()
        """What a check may count on now; a new value after every control."""
        self._plain: tuple[Seat, ...] = ()
        self._tls: tuple[Seat, ...] = ()
        self._signing: tuple[Seat, ...] = ()

    # -- ports.Vantage -----------------------------------------------------------------------------------------

    @property
    def healthy(self) -> bool:
        """False until a judge has answered, and while none does."""
        return self._healthy

    @property
    def addresses(self) -> frozenset[str]:
        """Our own addresses as judges saw them."""
        return self._own.addresses

    @property
    def judges(self) -> tuple[JudgeStatus, ...]:
        return tuple(seat.status() for seat in self._seats)

    async def wait_healthy(self) -> None:
        """Return as soon as a judge answers."""
        await self._came_well.wait()

    # -- for the prober ----------------------------------------------------------------------------------------

    @property
    def own(self) -> OwnAddresses:
        """Our own addresses, ready to be searched for."""
        return self._own

    @property
    def wheel(self) -> TimerWheel:
        """The one timer of all connections on the running loop."""
        if self._wheel is None:
            self._wheel = TimerWheel(asyncio.get_running_loop())
        return self._wheel

    def pick(self, *, tls: bool, documents: bool = False, signs: bool = False) -> Seat | None:
        """A judge that is well: the user's own in turn, else the public one most willing; both by their health."""
        seats = self._tls if tls else self._plain
        if signs:
            seats = self._signing
        elif documents:
            seats = tuple(seat for seat in seats if seat.has_documents)
        if len(seats) <= 1:
            return seats[0] if seats else None
        if seats[0].judge.own:
            return in_turn(seats)
        self._turn += 1
        now = asyncio.get_running_loop().time()
        turn = self._turn % len(seats)
        return max((*seats[turn:], *seats[:turn]), key=lambda seat: self._willing(seat, now))

    def _willing(self, seat: Seat, now: float) -> float:
        tokens = self._refill(seat, now)
        return tokens * seat.health if tokens > 0.0 else tokens

    def charge(self, seat: Seat) -> None:
        """A request has gone to it. Own judges take all they can."""
        if not seat.judge.own:
            seat.tokens -= 1.0

    async def wait_turn(self, seat: Seat) -> None:
        """Wait until this judge may be asked within its rate. Only what reached a judge is counted, so that dead
        proxies, which are most, do not use it up; the rate holds on average and at most a second's worth at once
        beyond it for what was in flight already."""
        if seat.judge.own:
            return
        loop = asyncio.get_running_loop()
        # Others draw from the same tokens meanwhile, so the wait is worked out anew.
        while (missing := -self._refill(seat, loop.time())) >= 0.0:  # noqa: ASYNC110
            await asyncio.sleep((missing + 1.0) / self._options.public_rate)

    def _refill(self, seat: Seat, now: float) -> float:
        rate = self._options.public_rate
        seat.tokens = min(max(rate, 1.0), seat.tokens + (now - seat.tokens_at) * rate)
        seat.tokens_at = now
        return seat.tokens

    async def confirm(self, seat: Seat | None, since: float, began: float) -> tuple[bool, bool]:
        """Whether we, and this judge, were well at or after ``since`` and are not known to have been unwell since
        ``began`` (both in the loop's time): (vantage, judge).

        Who came back in the middle of an attempt proves nothing of its beginning.
        """
        well, judge_well = await self._ask_for_proof(seat, since)
        well = well and self._well_since <= began
        return well, well and judge_well and (seat is None or seat.well_since <= began)

    async def _ask_for_proof(self, seat: Seat | None, since: float) -> tuple[bool, bool]:
        """Any right answer since then is proof, also one that came through a proxy; else the judge is asked directly.
        When it is silent, so are the others asked: only if none answers is it us. With no judge named, any will do.
        """
        asked = seat
        if seat is None:
            asked = next((one for one in self._seats if one.ok), None)
        if asked is not None:
            if asked.proven > since:
                return True, True
            # Not ">=": uvloop's clock stands still for a millisecond, in which a judge may fall.
            if asked.checked_loop <= since:
                await self._control(asked)
                self._settle()
            if asked.ok:
                return True, True
        await self._control_all(since)
        return self._healthy, seat is None and self._healthy

    # -- control -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask every judge at each interval, for ever; more often while none answers."""
        while True:
            await self.round()
            interval = self._options.control_interval
            await asyncio.sleep(interval if self._healthy else min(interval, UNHEALTHY_INTERVAL))

    async def round(self) -> None:
        """Ask every judge directly, once, at the same time."""
        await self._control_all(float("inf"))

    async def _control_all(self, since: float) -> None:
        silent = [seat for seat in self._seats if seat.checked_loop <= since]
        async with asyncio.TaskGroup() as group:
            for seat in silent:
                group.create_task(self._control(seat), name=f"control {seat.judge.url}")
        self._settle()

    def _settle(self) -> None:
        well = [seat for seat in self._seats if seat.ok]
        carriers = [seat for seat in well if seat.carries_nonce]
        if any(seat.judge.own for seat in carriers):
            carriers = [seat for seat in carriers if seat.judge.own]
        # Those with fixed documents first: what is first speaks for its group.
        carriers.sort(key=lambda seat: not seat.has_documents)
        self._plain = tuple(seat for seat in carriers if not seat.judge.tls)
        self._tls = tuple(seat for seat in carriers if seat.judge.tls)
        self._signing = tuple(seat for seat in self._plain if seat.signs)
        plain, tls = next(iter(self._plain), None), next(iter(self._tls), None)
        self.at_hand = Judges(
            plain is not None,
            tls is not None,
            plain is not None and plain.has_documents,
            tls is not None and tls.has_documents,
            any(first.judge.named for first in (plain or tls,) if first is not None),
            bool(self._signing),
            # Not resolved yet counts as yes.
            any(not seat.addresses or any(":" not in address for address in seat.addresses) for seat in carriers),
            tls is not None and all(seat.judge.port == 443 for seat in self._tls),
            tls is not None and tls.strange is not None,
        )
        seen = {seat.own_seen for seat in well if seat.own_seen is not None}
        if well and seen != self._own.addresses:
            self._own = OwnAddresses(seen)
        if well and not self._healthy:
            self._well_since = asyncio.get_running_loop().time()
        self._healthy = bool(well)
        if self._healthy:
            self._came_well.set()
        else:
            self._came_well.clear()

    async def _control(self, seat: Seat) -> None:
        """One direct request, shared by all who want one at the time."""
        loop = asyncio.get_running_loop()
        running = self._controls.get(seat)
        if running is not None:
            await asyncio.shield(running)
            return
        mine = self._controls[seat] = loop.create_future()
        try:
            if seat.ok:
                spacing = CONFIRM_SPACING_OWN if seat.judge.own else CONFIRM_SPACING_PUBLIC
                await asyncio.sleep(seat.checked_loop + spacing - loop.time())
            await self._ask(seat)
        finally:
            del self._controls[seat]
            if not mine.done():
                mine.set_result(None)

    async def _ask(self, seat: Seat) -> None:
        loop = asyncio.get_running_loop()
        error = await self._ask_once(seat)
        if error is not None and error.stage is Stage.CONTENT and seat.judge.guessed:
            # Perhaps it is of another kind than its path suggests; the guess is in place now.
            error = await self._ask_once(seat)
        if error is None and seat.judge.kind == "shoal":
            await self._ask_for_documents(seat)
        elif error is None and not seat.judge.tls:
            await self._ask_for_page(seat)
        seat.answered(error, self._clock.now(), loop.time())

    async def _ask_once(self, seat: Seat) -> Failure | None:
        judge = seat.judge
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            # Judges are named by the user or by us, never by a list.
            seat.addresses = await asyncio.wait_for(
                self._resolver.resolve(judge.host, judge.port, Trust.OWN), CONTROL_TIMEOUT
            )
        except (ResolveError, OSError) as error:
            return failure_from(error, Stage.RESOLVE)
        if not seat.addresses:
            return Failure(Stage.RESOLVE, Reason.UNREACHABLE, "no address")
        nonce = self._nonce()
        exchange = await self._direct(seat, "", nonce, started + CONTROL_TIMEOUT)
        if exchange.failure is not None:
            return exchange.failure
        if exchange.status != 200:
            return status_failure(exchange.status, exchange.reason)
        echo = read_echo(judge, exchange.body, nonce)
        wrong = calibrate(seat, echo, exchange.body, nonce)
        if wrong is None:
            seat.proven = exchange.ended
            seat.latency = exchange.ended - exchange.started
        return wrong

    async def _direct(self, seat: Seat, document: str, nonce: str, deadline: float) -> Exchange:
        """One request without a proxy."""
        judge = seat.judge
        plan = None
        if judge.tls:
            plan = UpstreamPlan(None, Target(judge.host, judge.port, self._contexts.target))
        return await self._dial(seat, seat.template(document, False).request(nonce), plan, deadline)

    async def _dial(self, seat: Seat, request: bytes, plan: UpstreamPlan | None, deadline: float) -> Exchange:
        exchange = Exchange(asyncio.get_running_loop(), self.wheel, request, plan, ANSWER_LIMIT_BYTES)
        self.charge(seat)
        await exchange.run(
            seat.addresses[0],
            seat.judge.port,
            connect_timeout=CONTROL_TIMEOUT,
            handshake_timeout=CONTROL_TIMEOUT,
            deadline=deadline,
        )
        return exchange

    async def _ask_for_documents(self, seat: Seat) -> None:
        """Whether its fixed documents are right when no proxy is in between: else none would be called honest."""
        now = asyncio.get_running_loop().time()
        if seat.documents and now - seat.documents_at < self._options.control_interval:
            return
        seat.documents_at = now
        nonces = {path: self._nonce() for path in DOCUMENTS}
        async with asyncio.TaskGroup() as group:
            tasks = {
                path: group.create_task(
                    self._direct(seat, path, nonce, now + CONTROL_TIMEOUT), name=f"control {seat.judge.url} {path}"
                )
                for path, nonce in nonces.items()
            }
        answers = {path: task.result() for path, task in tasks.items()}
        seat.documents = all(
            answer.status == 200 and answer.body == DOCUMENTS[path].body for path, answer in answers.items()
        )
        if seat.judge.tls:
            seat.strange = await self._strange_certificate(seat, now + CONTROL_TIMEOUT)
        seat.signs = seat.documents and all(
            read_signature(seat.judge, answer.head, nonces[path]).nonce_ok for path, answer in answers.items()
        )

    async def _strange_certificate(self, seat: Seat, deadline: float) -> bytes | None:
        """What the judge shows under a name that is not its own, without a proxy in between."""
        # Unverified, since the name cannot fit: it is only compared.
        target = Target(seat.judge.host, seat.judge.port, self._contexts.proxy, STRANGE_NAME)
        return (await self._dial(seat, b"", UpstreamPlan(None, target), deadline)).certificate

    async def _ask_for_page(self, seat: Seat) -> None:
        """A page of a foreign judge that can be compared: the same twice in a row."""
        now = asyncio.get_running_loop().time()
        if now - seat.documents_at < PAGE_INTERVAL:
            return
        seat.documents_at = now
        seat.reference = None
        for path in _PAGES.get(seat.judge.kind, ("/",)):
            bodies: set[bytes] = set()
            for _ in range(2):
                answer = await self._direct(seat, path, self._nonce(), now + CONTROL_TIMEOUT)
                bodies.add(answer.body if answer.status == 200 else b"")
            page = bodies.pop()
            if not bodies and len(page) >= MIN_PAGE_BYTES and b"<" in page:
                seat.reference = Reference(path, page)
                return

    async def still_the_same(self, seat: Seat, path: str, expected: bytes) -> bool:
        """Whether a foreign judge's page is what it was; else it is used no more until it has been read anew."""
        loop = asyncio.get_running_loop()
        answer = await self._direct(seat, path, self._nonce(), loop.time() + CONTROL_TIMEOUT)
        if answer.status == 200 and answer.body == expected:
            return True
        if seat.reference is not None and seat.reference.body == expected:
            seat.reference = None
            seat.documents_at = float("-inf")
            self._settle()
        return False
