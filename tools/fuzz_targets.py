"""What the fuzzer feeds, one function a parser: first how the input is cut or read, then the bytes themselves.

Whatever a stranger sends may end in a failure that says so, never in another exception, and never in more memory than
the limits allow. ``TARGETS`` names them; ``tools/fuzz.py`` runs campaigns, ``tests/unit/test_fuzz_corpus.py`` runs the
kept inputs.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from shoal.config.load import load_options
from shoal.config.proxy_pool import read_setting
from shoal.domain import Credentials, Endpoint, Proxy, Refused, Scheme
from shoal.domain.judge import DOCUMENTS
from shoal.errors import ConfigError, InvalidProxyError, InvalidQueryError, StoreError
from shoal.gateway import http_request
from shoal.gateway.quick_head import split_answer, split_request
from shoal.judge.multipart import boundary_of, read_parts
from shoal.links.rules import check_url
from shoal.options import Expect, OwnTarget, TargetOptions
from shoal.policy.content import short_diff
from shoal.policy.gateway_params import (
    hyphen_pairs,
    password_ends,
    read_params,
    split_username,
    underscore_pairs,
)
from shoal.policy.learning import decode_model
from shoal.policy.naming import parse_name
from shoal.policy.page_verdict import judge_page
from shoal.policy.query_text import parse_query
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import TargetTable, place_of, read_target
from shoal.policy.verdict import OwnAddresses, anonymity_of
from shoal.probe.answer import AnswerReader, read_whole
from shoal.probe.connection import Exchange
from shoal.probe.dialects import guess_kind, read_echo, read_signature
from shoal.probe.judges import parse_judge
from shoal.probe.visits import PageReader
from shoal.probe.wheel import TimerWheel
from shoal.sources.extract import extract, extract_stream
from shoal.sources.extract.proxy_pool import read_hash_entry
from shoal.sources.inflate import BodyError, Inflater
from shoal.stores.codec import decode_source_state
from shoal.stores.redis.blob import read_blob
from shoal.upstream import Target, UpstreamPlan, make_contexts
from shoal.wire import (
    ConnectClient,
    RemoteProtocolError,
    RequestHeadReader,
    Socks4Client,
    Socks4Server,
    Socks5Client,
    Socks5Server,
    request_body_reader,
    sniff,
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


# -- what lists hold -------------------------------------------------------------------------------------------------


def document(data: bytes, content_type: str | None, name: str | None, how: int) -> None:
    found = extract(data, content_type=content_type, name=name)
    for candidate in found.candidates:
        assert 0 < candidate.endpoint.port < 65_536
        assert candidate.endpoint.host.isascii() and candidate.endpoint.host.isprintable()
    # An entry takes four bytes at least, and some forms name one scheme after another.
    assert len(found.candidates) <= 16 * len(data) + 16
    for one in extract_stream(pieces(data, how)):
        if not isinstance(one, tuple):
            assert 0 < one.endpoint.port < 65_536


NAMES = (None, "a.txt", "a.csv", "a.yaml", "a.pac", "a.sql", "a.jsonl")


def lists(data: bytes, how: int) -> None:
    document(data, None, NAMES[how % len(NAMES)], how)


def html(data: bytes, how: int) -> None:
    document(data, "text/html", None, how)


def json(data: bytes, how: int) -> None:
    document(data, "application/json", None, how)


def xml(data: bytes, how: int) -> None:
    document(data, "application/xml", None, how)


def packed(data: bytes, how: int) -> None:
    try:
        inflater = Inflater(("gzip", "deflate", "identity", "br", "")[how % 5], LIMIT)
        size = sum(len(inflater.feed(piece)) for piece in pieces(data, how))
        assert size <= LIMIT
        inflater.close()
    except BodyError:
        pass


# -- what users and clients write ------------------------------------------------------------------------------------

PLACE = Path(tempfile.mkdtemp(prefix="shoal-fuzz-"))


def config(data: bytes, how: int) -> None:
    file = PLACE / "shoal.toml"
    file.write_bytes(data)
    try:
        load_options({}, file=file)
    except ConfigError as error:
        assert all(problem.isprintable() for problem in error.problems), error.problems
    with contextlib.suppress(ConfigError):
        read_setting(data.decode("utf-8", "replace"))


def username(data: bytes, how: int) -> None:
    text = data.decode("utf-8", "replace")
    for users in ((), ("a", "a-b")):
        name, rest = split_username(text, users)
        assert len(name) + len(rest) <= len(text)
        for pairs in (hyphen_pairs, underscore_pairs):
            try:
                read_params(pairs(rest))
            except InvalidQueryError as error:
                assert len(str(error)) < 1_000
    assert all(0 <= end <= len(text) for end in password_ends(text))


def query(data: bytes, how: int) -> None:
    text = data.decode("utf-8", "replace")
    pairs = [pair.partition("=")[::2] for pair in text.split("&")]
    for read in (lambda: parse_query(pairs, limit_max=100), lambda: check_url(text)):
        with contextlib.suppress(InvalidQueryError):
            read()
    with contextlib.suppress(InvalidProxyError):
        parse_name(text)


def multipart(data: bytes, how: int) -> None:
    line, _, body = data.partition(b"\n")
    boundary = boundary_of("multipart/form-data; " + line.decode("latin-1"))
    if boundary is not None:
        parts = read_parts(body, boundary)
        assert parts is None or sum(part.length for part in parts) <= len(body)


def request(data: bytes, how: int) -> None:
    """A client of the gateway; the short way must not take what the full reader refuses."""
    sniff(data[:16])
    reader = RequestHeadReader(LIMIT, 50)
    quick = split_request(data)
    try:
        head = None
        for piece in pieces(data, how):
            if (head := reader.receive_data(piece)) is not None:
                break
        if head is None:
            assert quick is None
            return
        http_request.basic_login(head)
        if head.method == "CONNECT":
            http_request.connect_target(head)
            return
        plain = http_request.PlainRequest(head)
        out = plain.encode(None)
        assert out.count(b"\r\n\r\n") == 1 and out.endswith(b"\r\n\r\n")
        body = request_body_reader(head, LIMIT)
        if not body.done:
            body.receive_data(reader.trailing_data)
        assert len(body.body) <= LIMIT
    except (RemoteProtocolError, http_request.Refused):
        pass


def response(data: bytes, how: int) -> None:
    """What an upstream answers, on its way to a client of the gateway."""
    head, line_end, _ = data.partition(b"\r\n\r\n")
    found = split_answer(head + b"\r\n") if line_end else None
    assert found is None or found[0] >= 0


# -- what lies in a store --------------------------------------------------------------------------------------------


def redis(data: bytes, how: int) -> None:
    for read in (lambda: read_blob(data), lambda: decode_source_state(data)):
        with contextlib.suppress(StoreError):
            read()
    decode_model(data)
    field, _, value = data.partition(b"\n")
    one = read_hash_entry(field, value)
    assert isinstance(one, Refused) or 0 < one.endpoint.port < 65_536


TARGETS: dict[str, Callable[[bytes, int], None]] = {
    one.__name__: one
    for one in (
        answer, codec, config, echo, exchange, html, json, lists, multipart, packed, page, query, redis, request,
        response, target, username, xml,
    )
}  # fmt: skip


def feed(name: str, data: bytes) -> None:
    """One input of the fuzzer for one target."""
    if data:
        TARGETS[name](data[1:], data[0])
