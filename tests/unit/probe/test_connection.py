"""The one Protocol, fed by a loop and a transport made for the test."""

from __future__ import annotations

import asyncio
import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Credentials, Endpoint, Proxy, Reason, Scheme, Stage
from shoal.probe.connection import Exchange
from shoal.probe.wheel import TimerWheel
from shoal.upstream import Target, UpstreamPlan, make_contexts

CONTEXTS = make_contexts()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMIT = 4096


class Transport:
    def __init__(self, protocol):
        self.protocol = protocol
        self.written = bytearray()
        self.aborted = False

    def write(self, data):
        self.written += data

    def abort(self):
        self.aborted = True


class Loop:
    """Connects at once, then plays a script: bytes, None for the end, or an exception for a lost connection."""

    def __init__(self, script, connect=None):
        self.real = asyncio.get_running_loop()
        self.script = script
        self.connect = connect
        self.transport = None

    def time(self):
        return self.real.time()

    def create_future(self):
        return self.real.create_future()

    def call_soon(self, *call):
        return self.real.call_soon(*call)

    async def create_connection(self, factory, host, port):
        if self.connect is not None:
            raise self.connect
        protocol = factory()
        self.transport = Transport(protocol)
        protocol.connection_made(self.transport)
        self.real.call_soon(self.play, protocol)
        return self.transport, protocol

    def play(self, protocol):
        for part in self.script:
            if self.transport.aborted:
                return
            if part is None:
                protocol.eof_received()
                protocol.connection_lost(None)
            elif isinstance(part, bytes):
                protocol.data_received(part)
            else:
                protocol.connection_lost(part)


def run(script, plan=None, connect=None, timeout=0.2):
    async def main():
        loop = Loop(script, connect)
        exchange = Exchange(loop, TimerWheel(loop.real), b"GET / HTTP/1.1\r\n\r\n", plan, LIMIT)
        await exchange.run(
            "192.0.2.1", 80, connect_timeout=1.0, handshake_timeout=timeout, deadline=loop.time() + timeout
        )
        return exchange, loop.transport

    return asyncio.run(main())


def proxy_plan(scheme, tls=False):
    target = Target("192.0.2.9", 443, CONTEXTS.target if tls else None)
    return UpstreamPlan(
        Proxy(scheme, Endpoint("192.0.2.1", 80), Credentials("u", "p")), target, "tunnel", CONTEXTS.proxy
    )


def test_a_whole_answer_ends_the_exchange_and_the_transport():
    exchange, transport = run([ANSWER])
    assert (exchange.failure, exchange.status, exchange.body) == (None, 200, b"ok")
    assert bytes(transport.written) == b"GET / HTTP/1.1\r\n\r\n"
    assert transport.aborted
    assert exchange.started <= exchange.connected <= exchange.ready <= exchange.first_byte <= exchange.ended


@given(st.integers(1, len(ANSWER)))
def test_pieces_make_no_difference(size):
    exchange, _ = run([ANSWER[at : at + size] for at in range(0, len(ANSWER), size)])
    assert (exchange.failure, exchange.status, exchange.body) == (None, 200, b"ok")


def test_an_end_completes_a_body_without_length_and_nothing_else():
    assert run([b"HTTP/1.0 200 OK\r\n\r\nok", None])[0].body == b"ok"
    assert run([b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nok", None])[0].failure.kind == "receive.eof"
    assert run([None])[0].failure.kind == "receive.eof"


def test_a_lost_connection_is_a_reset_at_its_stage():
    assert run([ConnectionResetError(errno.ECONNRESET, "x")])[0].failure.kind == "receive.reset"
    exchange, _ = run([ConnectionResetError(errno.ECONNRESET, "x")], proxy_plan(Scheme.SOCKS5))
    assert exchange.failure.kind == "handshake.reset"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connect.refused"),
        (OSError(errno.EMFILE, "x"), "connect.local_limit"),
        (OSError(errno.EHOSTUNREACH, "x"), "connect.unreachable"),
    ],
)
def test_a_connect_that_fails_is_named_and_leaves_no_transport(error, kind):
    exchange, transport = run([], connect=error)
    assert exchange.failure.kind == kind
    assert transport is None


def test_silence_ends_at_the_deadline():
    exchange, transport = run([])
    assert exchange.failure.kind == "receive.timeout"
    assert transport.aborted


def test_socks5_is_passed_and_what_follows_in_one_packet_is_read():
    script = [b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x01" + b"\0" * 6 + ANSWER]
    exchange, transport = run(script, proxy_plan(Scheme.SOCKS5))
    assert (exchange.failure, exchange.body) == (None, b"ok")
    assert transport.written.endswith(b"GET / HTTP/1.1\r\n\r\n")
    assert exchange.ready >= exchange.connected


PARTS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"HTTP/1.1 200 OK\r\n\r\n", b"\x05\x00", b"\x00\x5a", b"\x16\x03\x03\x00\x10", ANSWER]),
)


@given(st.lists(PARTS, max_size=6), st.sampled_from([None, *Scheme]), st.booleans())
def test_whatever_a_proxy_sends_it_is_a_failure_or_an_answer(script, scheme, tls):
    exchange, transport = run([*script, None], None if scheme is None else proxy_plan(scheme, tls))
    assert transport.aborted
    if exchange.failure is None:
        assert exchange.status >= 200
    else:
        assert exchange.failure.stage in Stage
        assert exchange.failure.reason not in (Reason.TIMEOUT, Reason.LOCAL_LIMIT, Reason.RESET)
        assert exchange.failure.detail.isprintable()


def test_an_endless_answer_is_cut_at_the_limit():
    exchange, _ = run([b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1000] * 100])
    assert exchange.failure.kind == "receive.malformed"
