"""One attempt of a check on the network: the nonce exchange, or the fixed documents side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from shoal.domain import Anonymity, Failure, Honesty, Reason, Record, Scheme, Stage, Timing
from shoal.domain.judge import DOCUMENTS
from shoal.options import CheckOptions
from shoal.policy.content import compare_echo, short_diff
from shoal.policy.discovery import Attempt
from shoal.policy.verdict import Outcome, anonymity_of
from shoal.probe.connection import Exchange
from shoal.probe.dialects import read_echo, read_signature
from shoal.probe.panel import JudgePanel
from shoal.probe.seat import Seat
from shoal.upstream import Target, TlsContexts, UpstreamPlan, printable, status_failure
from shoal.wire import LocalProtocolError, basic_credentials

CLOCK_STEP: Final = 0.0005
"""Seconds: half a step of uvloop's clock, since 0 would mean that a milestone was not reached."""


KEPT: Final = "/doc/data.json"
"""The document that is asked for twice on one connection, the shortest."""


class Attempts:
    """Makes attempts; holds what all of them share."""

    __slots__ = ("_contexts", "_nonce", "_options", "_panel")

    def __init__(
        self, options: CheckOptions, panel: JudgePanel, nonce: Callable[[], str], contexts: TlsContexts
    ) -> None:
        self._options = options
        self._panel = panel
        self._nonce = nonce
        self._contexts = contexts

    async def make(
        self, record: Record, attempt: Attempt, seat: Seat, address: str, started: float, deadline: float
    ) -> Outcome:
        """One attempt through the proxy at this address, over by ``deadline`` (loop time)."""
        options = self._options
        if attempt.share < 1.0:
            share = (deadline - started) * attempt.share
            # A guess may wait for the connect as long as any: that a host is dead holds for all schemes.
            deadline = min(deadline, started + max(options.connect_timeout, share))
        try:
            if attempt.sni:
                return await self._strange_name(record, attempt, seat, address, deadline)
            if attempt.document:
                return await self._documents(record, attempt, seat, address, deadline)
            nonce = self._nonce()
            exchange = self._exchange(record, attempt, seat, nonce, attempt.page)
        except LocalProtocolError as error:
            # These credentials, or this address, cannot be said in this scheme.
            unsayable = Failure(Stage.HANDSHAKE, Reason.MALFORMED, printable(str(error)))
            return Outcome(attempt, unsayable, judge=seat.judge.url)
        # As _run does, without a coroutine in between: this is what nearly all checks are.
        await exchange.run(address, record.endpoint.port, options.connect_timeout, options.handshake_timeout, deadline)
        if exchange.ready != 0.0:
            self._panel.charge(seat)
        return self._read(attempt, seat, exchange, nonce)

    def _read(self, attempt: Attempt, seat: Seat, exchange: Exchange, nonce: str) -> Outcome:
        """What the answer to a nonce proves."""
        failure = exchange.failure
        if failure is None and exchange.status != 200:
            failure = status_failure(exchange.status, exchange.reason)
        timing = _timing_of(exchange)
        moved = exchange.moved
        judge = seat.judge
        if attempt.page and 300 <= exchange.status < 400:
            # The judge redirects nobody: the proxy put another page in the document's place.
            failure = Failure(Stage.CONTENT, Reason.MISMATCH, f"{attempt.page} was answered with a redirect")
            return Outcome(attempt, failure, timing=timing, judge=judge.url, content=Honesty.TAMPERS, moved=moved)
        if failure is not None:
            return Outcome(attempt, failure, timing=timing, judge=judge.url, port=judge.port, moved=moved)
        if attempt.page:
            return self._read_page(attempt, seat, exchange, nonce, timing)
        echo = read_echo(judge, exchange.body, nonce)
        if echo.nonce_ok is not True:
            why = "an answer that is not the judge's" if echo.address is None else "the nonce did not come back"
            failure = Failure(Stage.CONTENT, Reason.MISMATCH, why)
            return Outcome(attempt, failure, timing=timing, judge=judge.url, moved=moved)
        sent = seat.template("", attempt.mode == "forward").headers
        anonymity = anonymity_of(echo, self._panel.own, sent, seat.baseline)
        named = judge.named and not attempt.by_address
        wrong: Failure | None = None
        content: Honesty | None = None
        if judge.kind != "shoal" and not attempt.tls:
            compared = compare_echo(sent, echo.headers, seat.kept, exchange.body, seat.plain_answer)
            if compared.changed is not None:
                wrong = Failure(Stage.CONTENT, Reason.MISMATCH, f"the request was changed: {compared.changed}")
                content = Honesty.TAMPERS
            elif not compared.complete:
                content = Honesty.UNKNOWN
        proved = wrong is not None
        exit_, port = echo.address, judge.port
        return Outcome(attempt, wrong, exit_, anonymity, named, timing, judge.url, proved, content, port, None, moved)

    def _read_page(self, attempt: Attempt, seat: Seat, exchange: Exchange, nonce: str, timing: Timing) -> Outcome:
        """A signed document: its head proves that the judge was asked, its body that content survives."""
        judge = seat.judge
        page = attempt.page
        expected = DOCUMENTS[page].body
        signature = read_signature(judge, exchange.head, nonce)
        named = judge.named and not attempt.by_address
        # What the request looked like only the echo shows; our own address at the judge says enough.
        anonymity = Anonymity.TRANSPARENT if signature.address in self._panel.own.addresses else None
        if signature.nonce_ok and exchange.body == expected:
            found, port, moved = signature.address, judge.port, exchange.moved
            return Outcome(
                attempt, None, found, anonymity, named, timing, judge.url, port=port, moved=moved, compared=1
            )
        content = None
        if signature.nonce_ok is False:
            words, content = f"the signature of {page} is wrong", Honesty.FAKES
        elif exchange.body != expected:
            words, content = f"{page} came back changed: {short_diff(expected, exchange.body)}", Honesty.TAMPERS
        else:
            words = f"{page} came back without the judge's signature"
        failure = Failure(Stage.CONTENT, Reason.MISMATCH, words)
        proved = bool(signature.nonce_ok)
        exit_ = signature.address if proved else None
        if not proved:
            anonymity = None
        return Outcome(
            attempt, failure, exit_, anonymity, named, timing, judge.url, proved, content, judge.port, None,
            exchange.moved,
        )  # fmt: skip

    async def _documents(self, record: Record, attempt: Attempt, seat: Seat, address: str, deadline: float) -> Outcome:
        """Fixed documents at the same time, one of each kind where none are named: proxies change one kind and leave
        the others alone."""
        if not seat.documents:
            return await self._foreign_page(record, attempt, seat, address, deadline)
        kept = KEPT if attempt.mode == "forward" and not attempt.pages else ""
        exchanges = [
            (path, self._exchange(record, attempt, seat, self._nonce(), path, path == kept))
            for path in attempt.pages or DOCUMENTS
        ]
        async with asyncio.TaskGroup() as group:
            for path, exchange in exchanges:
                group.create_task(
                    self._run(exchange, record, seat, address, deadline), name=f"document {path} {record.key}"
                )
        failures = [failure for path, exchange in exchanges if (failure := _changed(path, exchange))]
        # One changed document outweighs any number that did not arrive.
        failures.sort(key=lambda failure: failure.reason is not Reason.MISMATCH)
        slowest = max([exchange for _, exchange in exchanges], key=lambda exchange: exchange.ended)
        failure = failures[0] if failures else None
        timing = _timing_of(slowest)
        keeps = next((exchange.kept for path, exchange in exchanges if path == kept), None)
        moved = sum([exchange.moved for _, exchange in exchanges])
        unchanged = len(exchanges) - len(failures)
        return Outcome(
            attempt, failure, timing=timing, judge=seat.judge.url, keeps_alive=keeps, moved=moved, compared=unchanged
        )

    async def _strange_name(
        self, record: Record, attempt: Attempt, seat: Seat, address: str, deadline: float
    ) -> Outcome:
        """A handshake with the judge under another server's name. What does not arrive proves nothing: some networks
        drop connections by the name in them."""
        judge = seat.judge
        host = judge.host if judge.named and not attempt.by_address else _literal(seat, attempt.scheme)
        target = Target(host, judge.port, self._contexts.proxy, attempt.sni)
        plan = UpstreamPlan(record.proxy(attempt.scheme), target, attempt.mode, self._contexts.proxy)
        exchange = Exchange(asyncio.get_running_loop(), self._panel.wheel, b"", plan, self._options.answer_limit_bytes)
        await self._run(exchange, record, seat, address, deadline)
        failure = None
        if exchange.certificate is not None and seat.strange not in (None, exchange.certificate):
            words = f"under the name {attempt.sni} another certificate came than the judge's"
            failure = Failure(Stage.TARGET_TLS, Reason.CERT, words)
        return Outcome(attempt, failure, timing=_timing_of(exchange), judge=judge.url, moved=exchange.moved)

    async def _foreign_page(
        self, record: Record, attempt: Attempt, seat: Seat, address: str, deadline: float
    ) -> Outcome:
        """A foreign judge's page, beside the same page as it came to us directly."""
        reference = seat.reference
        url = seat.judge.url
        if reference is None:
            return Outcome(attempt, None, judge=url, content=Honesty.UNKNOWN)
        exchange = self._exchange(record, attempt, seat, self._nonce(), reference.path)
        await self._run(exchange, record, seat, address, deadline)
        timing = _timing_of(exchange)
        failure = _changed(reference.path, exchange, reference.body)
        if failure is None or failure.reason is not Reason.MISMATCH:
            moved, compared = exchange.moved, 1 if failure is None else 0
            return Outcome(attempt, failure, timing=timing, judge=url, moved=moved, compared=compared)
        if not await self._panel.still_the_same(seat, reference.path, reference.body):
            # It is the page that changed.
            return Outcome(attempt, None, timing=timing, judge=url, moved=exchange.moved, content=Honesty.UNKNOWN)
        return Outcome(attempt, failure, timing=timing, judge=url, moved=exchange.moved)

    def _exchange(
        self, record: Record, attempt: Attempt, seat: Seat, nonce: str, document: str, keep: bool = False
    ) -> Exchange:
        judge = seat.judge
        forward = attempt.mode == "forward"
        plan: UpstreamPlan | None = None
        authorization = None
        if forward and record.credentials is not None:
            authorization = basic_credentials(record.credentials.username, record.credentials.password)
        if not forward or attempt.scheme is not Scheme.HTTP:
            host = judge.host if judge.named and not attempt.by_address else _literal(seat, attempt.scheme)
            target = Target(host, judge.port, self._contexts.target if attempt.tls else None, judge.host)
            plan = UpstreamPlan(record.proxy(attempt.scheme), target, attempt.mode, self._contexts.proxy)
        request = seat.template(document, forward, keep).request(nonce, authorization)
        again = request if keep else b""
        loop = asyncio.get_running_loop()
        return Exchange(loop, self._panel.wheel, request, plan, self._options.answer_limit_bytes, again)

    async def _run(self, exchange: Exchange, record: Record, seat: Seat, address: str, deadline: float) -> None:
        options = self._options
        await exchange.run(address, record.endpoint.port, options.connect_timeout, options.handshake_timeout, deadline)
        if exchange.ready != 0.0:
            self._panel.charge(seat)


def _timing_of(exchange: Exchange) -> Timing:
    begun = exchange.started
    return Timing(
        (exchange.connected - begun or CLOCK_STEP) if exchange.connected else 0.0,
        (exchange.ready - begun or CLOCK_STEP) if exchange.ready else 0.0,
        (exchange.first_byte - begun or CLOCK_STEP) if exchange.first_byte else 0.0,
        exchange.ended - begun or CLOCK_STEP,
    )


def _changed(path: str, exchange: Exchange, expected: bytes | None = None) -> Failure | None:
    """What is wrong with a document that came through a proxy."""
    if exchange.failure is not None:
        return exchange.failure
    if 300 <= exchange.status < 400:
        # The judge redirects nobody: the proxy put another page in the document's place.
        return Failure(Stage.CONTENT, Reason.MISMATCH, f"{path} was answered with a redirect")
    if exchange.status != 200:
        return status_failure(exchange.status, exchange.reason)
    if expected is None:
        expected = DOCUMENTS[path].body
    if exchange.body == expected:
        return None
    words = f"{path} came back changed: {short_diff(expected, exchange.body)}"
    return Failure(Stage.CONTENT, Reason.MISMATCH, words)


def _literal(seat: Seat, scheme: Scheme) -> str:
    """The judge's address for a proxy that is not given its name."""
    if not seat.judge.named:
        return seat.judge.host
    if scheme is Scheme.SOCKS4:
        for address in seat.addresses:
            if ":" not in address:
                return address
    return seat.addresses[0] if seat.addresses else seat.judge.host
