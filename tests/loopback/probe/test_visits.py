"""Visits to targets over real sockets: every way to a target, and what its answers show."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shoal.domain import Blame, Capability, Path, Reason, Scheme, Stage
from shoal.domain.health import Health
from shoal.options import CheckOptions, Expect, OwnTarget, TargetOptions
from shoal.policy.page_verdict import SEARCHED_BYTES
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import read_target
from shoal.probe.visits import NetVisitor

from .conftest import read_head

RULES = TargetRules(("127.0.0.0/8",))
BOTH = frozenset({Capability.FORWARD, Capability.TUNNEL})


def site(body=b"<h1>Welcome</h1>", status="200 OK", head="", seen=None, length=None):
    async def handler(reader, writer):
        got, _ = await read_head(reader)
        if seen is not None:
            seen.append(got)
        size = len(body) if length is None else length
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{head}\r\n".encode() + body)
        await writer.drain()

    return handler


async def visit(world, proxy_port, url, scheme=Scheme.HTTP, can=BOTH, **expect):
    target, wrong = read_target(OwnTarget(url=url, expect=Expect(**expect)), TargetOptions(timeout=5.0), RULES.judge)
    assert target is not None, wrong
    visitor = NetVisitor(
        TargetOptions(timeout=5.0),
        CheckOptions(),
        world.panel,
        world.resolver,
        lambda host, trust: None,
        world.clock,
        world.contexts,
    )
    record = world.record(proxy_port, scheme, path=Path(scheme, Health.of(last_ok=1.0), can))
    return await visitor.visit(record, scheme, target)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("scheme", [Scheme.HTTP, Scheme.SOCKS5, Scheme.SOCKS4])
async def test_every_scheme_reaches_a_target(world, scheme, tls):
    await world.begin(tls=False)
    seen = []
    port = await world.serve(site(seen=seen), world.tls_server("127.0.0.1") if tls else None)
    makers = {Scheme.HTTP: world.http_proxy, Scheme.SOCKS5: world.socks5, Scheme.SOCKS4: world.socks4}
    proxy = await world.serve(makers[scheme]())
    observed = await visit(world, proxy, f"http{'s' * tls}://127.0.0.1:{port}/page?x=1", scheme, regex="Welcome")
    assert observed.works and observed.ban is None and observed.failure is None, observed
    assert seen[0].target.endswith("/page?x=1") and seen[0].get("host") == f"127.0.0.1:{port}"
    assert seen[0].get("proxy-authorization") is None


@pytest.mark.parametrize("status", ["403 Forbidden", "429 Too Many Requests"])
async def test_a_refusal_is_a_ban_and_the_targets_doing(world, status):
    await world.begin(tls=False)
    port = await world.serve(site(status=status, head="Retry-After: 30\r\n"))
    proxy = await world.serve(world.http_proxy())
    observed = await visit(world, proxy, f"http://127.0.0.1:{port}/")
    assert not observed.works and status[:3] in observed.ban
    assert (observed.blame, observed.retry_after) == (Blame.TARGET, 30.0)


async def test_a_page_longer_than_what_is_read_is_judged_by_its_beginning(world):
    await world.begin(tls=False)
    page = b"<h1>Welcome</h1>" + b"x" * (2 * SEARCHED_BYTES)
    for length in (None, 10**9):
        port = await world.serve(site(page, length=length))
        proxy = await world.serve(world.socks5())
        observed = await visit(world, proxy, f"http://127.0.0.1:{port}/", Scheme.SOCKS5, regex="Welcome")
        assert observed.works, observed


async def test_a_target_with_another_certificate_is_not_reached(world):
    await world.begin(tls=False)
    port = await world.serve(site(), world.tls_server("somebody.else"))
    proxy = await world.serve(world.http_proxy())
    observed = await visit(world, proxy, f"https://127.0.0.1:{port}/")
    assert (observed.failure.stage, observed.failure.reason) == (Stage.TARGET_TLS, Reason.CERT)
    assert observed.blame is Blame.UNKNOWN


async def test_a_dead_proxy_is_its_own_fault_and_a_closed_target_is_not(world):
    await world.begin(tls=False)
    port = await world.serve(site())
    dead = await visit(world, 1, f"http://127.0.0.1:{port}/")
    assert (dead.failure.stage, dead.blame) == (Stage.CONNECT, Blame.PROXY)
    proxy = await world.serve(world.socks5(reply=5))
    closed = await visit(world, proxy, "http://127.0.0.1:1/", Scheme.SOCKS5)
    assert closed.failure.stage is Stage.TUNNEL and closed.blame is Blame.TARGET


async def test_a_path_that_cannot_carry_it_is_not_asked(world):
    await world.begin(tls=False)
    observed = await visit(world, 1, "https://127.0.0.1:1/", can=frozenset({Capability.FORWARD}))
    assert observed.blame is Blame.LOCAL
    named = await visit(world, 1, "http://site.example/", Scheme.SOCKS4)
    assert named.blame is Blame.LOCAL, "SOCKS4 carries no names"


async def test_credentials_go_to_the_proxy_and_not_to_the_target(world):
    await world.begin(tls=False)
    seen = []
    port = await world.serve(site(seen=seen))
    proxy = await world.serve(world.http_proxy(login=("me", "pw")))
    target, _ = read_target(OwnTarget(url=f"http://127.0.0.1:{port}/"), TargetOptions(), RULES.judge)
    visitor = NetVisitor(
        TargetOptions(), CheckOptions(), world.panel, world.resolver, lambda h, t: None, world.clock, world.contexts
    )
    path = Path(Scheme.HTTP, Health.of(last_ok=1.0), BOTH)
    record = world.record(proxy, Scheme.HTTP, login=("me", "pw"), path=path)
    assert (await visitor.visit(record, Scheme.HTTP, target)).works
    assert seen[0].get("proxy-authorization") is None
    wrong = await visitor.visit(replace(record, credentials=None), Scheme.HTTP, target)
    assert (wrong.failure.reason, wrong.blame) == (Reason.AUTH, Blame.PROXY)
