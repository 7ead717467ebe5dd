"""The plan against servers in memory: every layer, whole, in pieces, and with a tail."""

from __future__ import annotations

import ssl

import pytest
import trustme

from shoal.domain import Credentials, Endpoint, Proxy, Reason, Scheme, Stage
from shoal.upstream import Target, TlsContexts, UpstreamPlan, failure_from, make_contexts, needs_plan
from shoal.wire import LocalProtocolError, RemoteProtocolError, RequestHeadReader, Socks4Server, Socks5Server


class TlsServer:
    """A TLS server on memory BIOs."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.done = False

    def feed(self, data: bytes) -> bytes:
        self.incoming.write(data)
        try:
            if not self.done:
                self.object.do_handshake()
                self.done = True
            parts = []
            while True:
                part = self.object.read(65536)
                if not part:
                    break
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        return b"".join(parts) if self.done else b""

    def say(self, data: bytes) -> None:
        self.object.write(data)

    def out(self) -> bytes:
        return self.outgoing.read()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def contexts(ca: trustme.CA) -> TlsContexts:
    contexts = make_contexts()
    ca.configure_trust(contexts.target)
    return contexts


def server_context(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context


def proxy(scheme: Scheme, credentials: Credentials | None = None) -> Proxy:
    return Proxy(scheme, Endpoint("192.0.2.1", 8080), credentials)


def connect_server(data: bytes) -> tuple[str, bytes]:
    head = RequestHeadReader().receive_data(data)
    assert head is not None
    return head.target, b"HTTP/1.1 200 OK\r\n\r\n"


def test_only_plain_forwarding_needs_no_plan():
    assert not needs_plan(Scheme.HTTP, "forward")
    assert needs_plan(Scheme.HTTP, "tunnel")
    assert needs_plan(Scheme.HTTPS, "forward")
    assert all(needs_plan(scheme, "tunnel") for scheme in Scheme)


@pytest.mark.parametrize("tail", [b"", b"tunnel bytes"])
@pytest.mark.parametrize("step", [1, 1000])
def test_socks5_through_the_stages_with_password(step, tail):
    plan = UpstreamPlan(proxy(Scheme.SOCKS5, Credentials("u", "p")), Target("example.com", 80))
    server = Socks5Server()
    plan.start()
    assert plan.stage is Stage.HANDSHAKE
    received = b""
    for _ in range(6):
        out = plan.data_to_send()
        if not out:
            break
        server.receive_data(out)
        if server.pending == "auth":
            assert plan.stage is Stage.HANDSHAKE
            server.accept_auth((server.username, server.password) == ("u", "p"))
        if server.pending == "request":
            assert plan.stage is Stage.TUNNEL
            server.reply(0)
        answer = server.data_to_send() + (tail if server.done else b"")
        for start in range(0, len(answer), step):
            received += plan.receive_data(answer[start : start + step])
    assert plan.ready
    assert plan.is_clear
    assert plan.stage is Stage.SEND
    assert received == tail
    assert plan.receive_data(b"more") == b"more"
    assert (server.request.host, server.request.port) == ("example.com", 80)


@pytest.mark.parametrize(("scheme", "host"), [(Scheme.SOCKS4, "192.0.2.7"), (Scheme.SOCKS4A, "example.com")])
def test_socks4_sends_the_user_id_and_an_address_or_a_name(scheme, host):
    plan = UpstreamPlan(proxy(scheme, Credentials("me", "ignored")), Target(host, 443))
    plan.start()
    assert plan.stage is Stage.TUNNEL
    server = Socks4Server()
    server.receive_data(plan.data_to_send())
    assert (server.request.host, server.request.user_id) == (host, "me")
    assert server.request.is_4a is (scheme is Scheme.SOCKS4A)
    server.reply(True)
    assert plan.receive_data(server.data_to_send() + b"x") == b"x"
    assert plan.ready


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_tls_in_connect_in_tls(ca, contexts, step):
    plan = UpstreamPlan(
        proxy(Scheme.HTTPS), Target("example.com", 443, contexts.target), "tunnel", proxy_tls=contexts.proxy
    )
    outer = TlsServer(server_context(trustme.CA(), "self-signed.test"))
    inner = TlsServer(server_context(ca, "example.com"))
    plan.start()
    stages = [plan.stage]
    asked = None
    received = b""
    sent = False
    heard = b""
    for _ in range(50):
        out = plan.data_to_send()
        if plan.ready and not sent:
            plan.send(b"hello")
            sent = True
            out += plan.data_to_send()
        clear = outer.feed(out)
        if clear and asked is None:
            asked, answer = connect_server(clear)
            outer.say(answer)
        elif clear:
            heard += inner.feed(clear)
            if heard == b"hello":
                inner.say(b"w" * 100_000)
                heard = b""
            out = inner.out()
            if out:
                outer.say(out)
        back = outer.out()
        for start in range(0, len(back), step):
            received += plan.receive_data(back[start : start + step])
            if plan.stage is not stages[-1]:
                stages.append(plan.stage)
        if len(received) == 100_000:
            break
    assert asked == "example.com:443"
    assert received == b"w" * 100_000
    assert stages == [Stage.PROXY_TLS, Stage.TUNNEL, Stage.TARGET_TLS, Stage.SEND]
    assert not plan.is_clear


def run_target_tls(plan, server):
    plan.start()
    for _ in range(6):
        plan.receive_data(server.out())
        server.feed(plan.data_to_send())


def test_a_strangers_certificate_is_refused(ca, contexts):
    plan = UpstreamPlan(None, Target("example.com", 443, contexts.target))
    server = TlsServer(server_context(trustme.CA(), "example.com"))
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        run_target_tls(plan, server)
    failure = failure_from(caught.value, plan.stage)
    assert (failure.stage, failure.reason) == (Stage.TARGET_TLS, Reason.CERT)


def test_a_certificate_for_another_name_is_refused(ca, contexts):
    plan = UpstreamPlan(None, Target("example.com", 443, contexts.target))
    with pytest.raises(ssl.SSLCertVerificationError):
        run_target_tls(plan, TlsServer(server_context(ca, "example.net")))


def test_no_proxy_and_no_tls_is_ready_at_once():
    plan = UpstreamPlan(None, Target("example.com", 80))
    plan.start()
    assert plan.is_clear
    assert plan.data_to_send() == b""


@pytest.mark.parametrize(
    ("scheme", "answer", "stage", "reason"),
    [
        (Scheme.HTTP, b"HTTP/1.1 407 Login\r\n\r\n", Stage.HANDSHAKE, Reason.AUTH),
        (Scheme.HTTP, b"HTTP/1.1 403 No\r\n\r\n", Stage.TUNNEL, Reason.DENIED),
        (Scheme.HTTP, b"HTTP/1.1 504 Late\r\n\r\n", Stage.TUNNEL, Reason.UNREACHABLE),
        (Scheme.HTTP, b"SSH-2.0-x\r\n", Stage.HANDSHAKE, Reason.MALFORMED),
        (Scheme.SOCKS5, b"\x05\xff", Stage.HANDSHAKE, Reason.AUTH),
        (Scheme.SOCKS5, b"HTTP", Stage.HANDSHAKE, Reason.MALFORMED),
        (Scheme.SOCKS4, b"\x00\x5b" + b"\0" * 6, Stage.TUNNEL, Reason.DENIED),
        (Scheme.SOCKS4, b"\x00\x5c" + b"\0" * 6, Stage.HANDSHAKE, Reason.AUTH),
    ],
)
def test_refusals_are_named_by_stage(scheme, answer, stage, reason):
    plan = UpstreamPlan(proxy(scheme), Target("192.0.2.9", 80))
    plan.start()
    plan.data_to_send()
    with pytest.raises(RemoteProtocolError) as caught:
        plan.receive_data(answer)
    failure = failure_from(caught.value, plan.stage)
    assert (failure.stage, failure.reason) == (stage, reason)


@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS4, Scheme.SOCKS5])
def test_an_end_before_the_plan_is_ready_is_an_error(scheme):
    plan = UpstreamPlan(proxy(scheme), Target("192.0.2.9", 80))
    plan.start()
    with pytest.raises(RemoteProtocolError) as caught:
        plan.receive_eof()
    assert failure_from(caught.value, plan.stage).reason is Reason.EOF


def test_an_end_inside_tls_to_the_proxy_is_an_eof(contexts):
    plan = UpstreamPlan(proxy(Scheme.HTTPS), Target("a.test", 80), "forward", contexts.proxy)
    plan.start()
    with pytest.raises(ssl.SSLError) as caught:
        plan.receive_eof()
    assert failure_from(caught.value, plan.stage).kind == "proxy_tls.eof"


def test_what_a_scheme_cannot_say_is_refused_at_once():
    with pytest.raises(LocalProtocolError):
        UpstreamPlan(proxy(Scheme.SOCKS4), Target("2001:db8::1", 80))
    with pytest.raises(ValueError, match="forward"):
        UpstreamPlan(proxy(Scheme.SOCKS5), Target("192.0.2.1", 80), "forward")
    with pytest.raises(ValueError, match="TLS context"):
        UpstreamPlan(proxy(Scheme.HTTPS), Target("192.0.2.1", 80))
