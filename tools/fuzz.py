"""Coverage-guided fuzzing of the codecs and of the probe: `make fuzz`, or `python tools/fuzz.py -max_total_time=600`.

Needs atheris, which no test needs: hypothesis runs smaller campaigns of the same kind in `make test`. Flags are those
of libFuzzer. The first byte of an input chooses what is fed, the second how the rest is cut into pieces. Whatever a
peer sends may end in a failure that says so, never in another exception, and never in more memory than the limits
allow.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import atheris

with atheris.instrument_imports(include=["shoal.wire", "shoal.probe", "shoal.upstream", "shoal.policy"]):
    from shoal.domain import Credentials, Endpoint, Proxy, Scheme
    from shoal.domain.judge import DOCUMENTS
    from shoal.options import Expect, OwnTarget, TargetOptions
    from shoal.policy.content import short_diff
    from shoal.policy.page_verdict import judge_page
    from shoal.policy.target_rules import TargetRules
    from shoal.policy.target_table import TargetTable, place_of, read_target
    from shoal.policy.verdict import OwnAddresses, anonymity_of
    from shoal.probe.answer import AnswerReader, read_whole
    from shoal.probe.connection import Exchange
    from shoal.probe.dialects import guess_kind, read_echo, read_signature
    from shoal.probe.judges import parse_judge
    from shoal.probe.visits import PageReader
    from shoal.probe.wheel import TimerWheel
    from shoal.upstream import Target, UpstreamPlan, make_contexts
    from shoal.wire import (
        ConnectClient,
        RemoteProtocolError,
        RequestHeadReader,
        Socks4Client,
        Socks4Server,
        Socks5Client,
        Socks5Server,
    )

LIMIT = 4096
NONCE = "0123456789abcdef" * 2
JUDGES = [
    parse_judge(text)
    for text in (
        "http://j.example/check/#key=k",
        "http://j.example/check/",
        "http://j.example/get",
        "http://j.example/azenv.php",
        "http://j.example/cdn-cgi/trace",
        "http://j.example/ip",
    )
]
OWN = OwnAddresses(["198.51.100.7", "2001:db8::7"])
CONTEXTS = make_contexts()


def pieces(data: bytes, how: int) -> Iterator[bytes]:
    size = (how % 17) or len(data) or 1
    for at in range(0, len(data), size):
        yield data[at : at + size]


def answer(data: bytes, how: int) -> None:
    read_whole(data, LIMIT)
    reader = AnswerReader(LIMIT)
    try:
        for piece in pieces(data, how):
            if reader.receive_data(piece):
                break
        else:
            reader.receive_eof()
    except RemoteProtocolError:
        return
    assert len(reader.body) <= LIMIT
    read_signature(JUDGES[0], reader.head, NONCE)


def codec(data: bytes, how: int) -> None:
    for made in (
        lambda: Socks5Client("host.example", 443, "u", "p"),
        lambda: Socks5Client("192.0.2.1", 443),
        lambda: Socks4Client("192.0.2.1", 443, "u"),
        lambda: ConnectClient("host.example", 443, "u", "p"),
        lambda: Socks5Server(require_auth=True),
        Socks4Server,
        RequestHeadReader,
    ):
        one: Any = made()
        try:
            for piece in pieces(data, how):
                one.receive_data(piece)
                if isinstance(one, RequestHeadReader):
                    if one.head is not None:
                        break
                    continue
                one.data_to_send()
                if one.done or getattr(one, "request", None) is not None:
                    break
        except RemoteProtocolError:
            pass


def echo(data: bytes, how: int) -> None:
    judge = JUDGES[how % len(JUDGES)]
    found = read_echo(judge, data, NONCE)
    anonymity_of(found, OWN, {"Host": "j.example"})
    guess_kind(judge, data, NONCE)
    read_signature(judge, data, NONCE)
    words = short_diff(DOCUMENTS["/doc/script.js"].body, data)
    assert words.isprintable() and len(words) < 250


RULES = TargetRules()
SHOP, _ = read_target(
    OwnTarget(url="https://shop.example", expect=Expect(regex="price: [0-9]+")), TargetOptions(), RULES.judge
)
TABLE = TargetTable([SHOP] if SHOP is not None else [])


def page(data: bytes, how: int) -> None:
    reader = PageReader(LIMIT)
    try:
        for piece in pieces(data, how):
            if reader.receive_data(piece):
                break
        else:
            reader.receive_eof()
    except RemoteProtocolError:
        return
    # What is read ends with the piece in which the limit is reached.
    assert len(reader.body) <= LIMIT + len(data)
    assert SHOP is not None
    verdict = judge_page(SHOP, reader.status, reader.head, reader.body)
    assert not (verdict.right and verdict.ban)


def target(data: bytes, how: int) -> None:
    text = data[:300].decode("latin-1")
    found, wrong = read_target(OwnTarget(url=text), TargetOptions(), RULES.judge)
    assert (found is None) is bool(wrong)
    TABLE.find(text)
    place_of(text)


class Wire:
    def __init__(self) -> None:
        self.aborted = False

    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True


class Loop:
    """Connects at once and plays the pieces."""

    def __init__(self, script: list[bytes]) -> None:
        self.real = asyncio.get_running_loop()
        self.script = script
        self.wire = Wire()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def create_connection(self, factory: Any, host: str, port: int) -> tuple[Wire, Any]:
        protocol = factory()
        protocol.connection_made(self.wire)
        self.real.call_soon(self.play, protocol)
        return self.wire, protocol

    def play(self, protocol: Any) -> None:
        for part in self.script:
            if self.wire.aborted:
                return
            protocol.data_received(part)
        protocol.eof_received()
        protocol.connection_lost(None)


REAL = asyncio.new_event_loop()


def exchange(data: bytes, how: int) -> None:
    scheme = (None, *Scheme)[how // 17 % 6]

    async def main() -> None:
        loop: Any = Loop(list(pieces(data, how)))
        plan = None
        if scheme is not None:
            proxy = Proxy(scheme, Endpoint("192.0.2.1", 80), Credentials("u", "p"))
            target = Target("192.0.2.9", 443, CONTEXTS.target if how > 150 else None)
            plan = UpstreamPlan(proxy, target, "tunnel", CONTEXTS.proxy)
        one = Exchange(loop, TimerWheel(loop.real), b"GET / HTTP/1.1\r\n\r\n", plan, LIMIT)
        end = loop.time() + 5.0
        await one.run("192.0.2.1", 80, connect_timeout=5.0, handshake_timeout=5.0, deadline=end)
        assert loop.wire.aborted
        assert one.failure is not None or one.status >= 200
        assert one.failure is None or one.failure.detail.isprintable()

    REAL.run_until_complete(main())


KINDS = (answer, codec, echo, exchange, page, target)


def one_input(data: bytes) -> None:
    if len(data) >= 2:
        KINDS[data[0] % len(KINDS)](data[2:], data[1])


def seeds() -> Iterator[bytes]:
    """Where the search begins: one well-formed input of each kind."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    for how in (0, 1, 20, 37, 54, 71, 88):
        for body in (ok, chunked, b"\x05\x02\x01\x00\x05\x00\x00\x01" + b"\0" * 6 + ok, b"\0\x5a" + b"\0" * 6 + ok):
            for kind in range(len(KINDS)):
                yield bytes((kind, how)) + body
    yield b"\x05\0https://[2001:db8::1]:8080/a?b=c"
    yield b'\x02\0{"address": "9.9.9.9", "nonce": "%s", "mac": "0", "headers": []}' % NONCE.encode()
    yield b"\x02\x03<pre>\nREMOTE_ADDR = 9.9.9.9\nREQUEST_URI = /?%s\n</pre>" % NONCE.encode()


def main() -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="shoal-fuzz-") as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        arguments = sys.argv[1:] or ["-max_total_time=600"]
        atheris.Setup([sys.argv[0], *arguments, folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
