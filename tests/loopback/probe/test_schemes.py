"""Every scheme against a real server on loopback: found, used both ways, and told apart."""

from __future__ import annotations

import pytest

from shoal.domain import Anonymity, Capability, Honesty, Reason, Scheme, Stage


async def test_an_http_proxy_is_profiled_at_its_first_success(world):
    await world.begin(named=True)
    port = await world.serve(world.http_proxy())
    result = await world.prober.check(world.record(port, Scheme.HTTP))
    assert result.works, result
    assert result.schemes == (Scheme.HTTP,)
    assert result.capabilities == ("forward", "remote_dns", "tunnel", "tunnel_any_port")
    assert result.anonymity is Anonymity.ELITE
    assert result.honesty is Honesty.CLEAN
    assert result.exit == "127.0.0.77"
    assert len(result.observations) == 1
    seen = result.observations[0]
    assert seen.facts.profiled
    assert 0 < seen.timing.connect <= seen.timing.first_byte <= seen.timing.total


@pytest.mark.parametrize("login", [None, ("user", "pa:ss")])
async def test_an_https_proxy_carries_tls_in_tls(world, login):
    await world.begin()
    port = await world.serve(world.http_proxy(login=login), world.tls_server("proxy.test"))
    result = await world.prober.check(world.record(port, Scheme.HTTPS, login=login))
    assert result.schemes == (Scheme.HTTPS,)
    assert result.capabilities == ("forward", "tunnel", "tunnel_any_port")
    assert result.honesty is Honesty.CLEAN


@pytest.mark.parametrize("login", [None, ("user", "pass")])
async def test_a_socks5_proxy_works_with_and_without_password(world, login):
    await world.begin(named=True)
    port = await world.serve(world.socks5(login=login))
    result = await world.prober.check(world.record(port, Scheme.SOCKS5, login=login))
    assert result.schemes == (Scheme.SOCKS5,)
    assert result.capabilities == ("remote_dns", "tunnel", "tunnel_any_port")
    assert result.honesty is Honesty.CLEAN
    assert result.observations[0].timing.handshake > 0


async def test_a_socks5_proxy_that_cannot_resolve_is_used_by_address(world):
    await world.begin(named=True)
    port = await world.serve(world.socks5(names=False))
    result = await world.prober.check(world.record(port, Scheme.SOCKS5))
    assert result.works, result
    assert Capability.REMOTE_DNS in result.observations[0].facts.cannot


@pytest.mark.parametrize("claim", [Scheme.SOCKS4, Scheme.SOCKS4A])
@pytest.mark.parametrize("named", [True, False])
async def test_socks4_and_4a_work_where_claimed(world, claim, named):
    await world.begin(named=named)
    port = await world.serve(world.socks4(user_id="me"))
    result = await world.prober.check(world.record(port, claim, login=("me", "")))
    assert result.schemes == (claim,)
    assert ("remote_dns" in result.capabilities) is (named and claim is Scheme.SOCKS4A)
    assert "tunnel" in result.capabilities


@pytest.mark.parametrize("scheme", ["http", "socks4", "socks5"])
async def test_an_unclaimed_scheme_is_found_out(world, scheme):
    await world.begin()
    handler = {"http": world.http_proxy, "socks4": world.socks4, "socks5": world.socks5}[scheme]()
    port = await world.serve(handler)
    result = await world.prober.check(world.record(port))
    assert result.works, result
    assert result.schemes == (Scheme(scheme),)
    assert [seen.works for seen in result.observations][-1]


async def test_a_proxy_that_only_tunnels_is_found_and_rechecked_so(world):
    await world.begin()
    port = await world.serve(world.http_proxy(forward=False))
    result = await world.prober.check(world.record(port, Scheme.HTTP))
    assert result.works
    assert result.capabilities == ("tunnel", "tunnel_any_port")
    facts = result.observations[0].facts
    assert facts.cannot == {Capability.FORWARD}
    assert result.observations[0].failure.kind == "receive.denied"


async def test_wrong_credentials_are_the_proxys_no(world):
    await world.begin()
    for handler, scheme in (
        (world.http_proxy(login=("a", "b")), Scheme.HTTP),
        (world.socks5(login=("a", "b")), Scheme.SOCKS5),
    ):
        port = await world.serve(handler)
        result = await world.prober.check(world.record(port, scheme, login=("a", "wrong")))
        assert not result.works
        assert (result.failure.stage, result.failure.reason) == (Stage.HANDSHAKE, Reason.AUTH)
