from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv4Network

import pytest

from shoal.domain import Capability, Honesty, Scheme
from shoal.lab.population import LabProxy, build
from shoal.lab.ports import PortPlan
from shoal.lab.presets import FAILING, PRESETS, FailureKind, Life, Preset

SIZE = 4000


@pytest.fixture(scope="module", params=list(Preset))
def preset(request: pytest.FixtureRequest) -> Preset:
    return Preset(request.param)


def test_the_same_seed_gives_the_same_population_and_another_seed_another(preset: Preset) -> None:
    assert build(preset, 300, 7) == build(preset, 300, 7)
    assert build(preset, 300, 7) != build(preset, 300, 8)


def test_classes_of_life_come_in_the_presets_shares(preset: Preset) -> None:
    found = Counter(proxy.life for proxy in build(preset, SIZE, 3)[:SIZE])
    for life, share in PRESETS[preset].life.items():
        assert found[life] / SIZE == pytest.approx(share, abs=0.025), life


def test_ways_of_being_dead_come_in_the_presets_shares() -> None:
    for preset in (Preset.RAW, Preset.MIXED):
        dead = [proxy.dead_kind for proxy in build(preset, SIZE, 3) if proxy.life is Life.DEAD]
        for kind, share in PRESETS[preset].dead_kinds.items():
            assert dead.count(kind) / len(dead) == pytest.approx(share, abs=0.03), kind


def test_every_table_of_shares_adds_up_to_one() -> None:
    for shares in PRESETS.values():
        assert sum(shares.life.values()) == pytest.approx(1)
        assert sum(shares.dead_kinds.values()) == pytest.approx(1)
    assert sum(FAILING.values()) == pytest.approx(1)


def test_addresses_are_distinct_on_loopback_and_at_most_four_in_one_net() -> None:
    addresses = [proxy.address for proxy in build(Preset.RAW, SIZE, 5)]
    assert len(set(addresses)) == SIZE
    assert all(IPv4Address(address) in IPv4Network("127.0.0.0/8") for address in addresses)
    assert not any(address.startswith("127.0.") for address in addresses)
    assert max(Counter(address.rpartition(".")[0] for address in addresses).values()) <= 4


def test_a_hundred_thousand_proxies_still_have_an_address_each() -> None:
    assert len({proxy.address for proxy in build(Preset.ALIVE, 100_000, 1)}) == 100_000


def test_a_flood_is_many_ports_on_few_hosts_with_few_exits() -> None:
    plan = PortPlan(flood=(8444, 8445, 8446))
    flood = build(Preset.FLOOD, 500, 1, plan)[500:]
    assert len(flood) == 60
    assert len({proxy.address for proxy in flood}) == 20
    assert len({proxy.behaviour.exits for proxy in flood}) <= 4
    assert all(proxy.born > 0 and proxy.schemes == (Scheme.SOCKS5,) for proxy in flood)


def test_ports_fit_what_happens_there() -> None:
    plan = PortPlan()
    for proxy in build(Preset.RAW, SIZE, 2, plan):
        if proxy.dead_kind is FailureKind.BLACKHOLE:
            assert proxy.port in plan.holes
        elif proxy.dead_kind is FailureKind.REFUSE:
            assert proxy.port in plan.refused
        else:
            assert proxy.port in plan.live


def test_misbehaviour_of_working_http_proxies_comes_in_the_measured_shares() -> None:
    web = [proxy for proxy in build(Preset.CURATED, 8000, 4) if proxy.schemes[0] is Scheme.HTTP]
    honesty = Counter(proxy.honesty for proxy in web)
    assert honesty[Honesty.TAMPERS] / len(web) == pytest.approx(0.15, abs=0.02)
    assert honesty[Honesty.FAKES] / len(web) == pytest.approx(0.01, abs=0.006)
    assert honesty[Honesty.INTERCEPTS] / len(web) == pytest.approx(0.01, abs=0.006)
    assert sum(proxy.behaviour.connect for proxy in web) / len(web) == pytest.approx(0.42, abs=0.03)
    mislabelled = sum(proxy.claimed not in proxy.schemes for proxy in web) / len(web)
    assert mislabelled == pytest.approx(0.05, abs=0.015)


def test_everything_in_the_alive_preset_is_up_honest_and_open() -> None:
    for proxy in build(Preset.ALIVE, 500, 1):
        assert proxy.honesty is Honesty.CLEAN
        assert proxy.credentials is None
        assert proxy.claimed in proxy.schemes
        assert proxy.behaviour.exits == (proxy.address,)


def test_own_proxies_nearly_all_want_a_password() -> None:
    own = build(Preset.OWN, 1000, 1)
    assert 0.85 < sum(proxy.credentials is not None for proxy in own) / 1000 < 0.95


def test_capabilities_follow_from_scheme_and_behaviour() -> None:
    def capabilities(proxy: LabProxy) -> set[Capability]:
        return set(proxy.capabilities)

    for proxy in build(Preset.CURATED, 2000, 1):
        found = capabilities(proxy)
        assert (Capability.TUNNEL in found) <= (proxy.honesty is not Honesty.INTERCEPTS)
        assert (Capability.FORWARD in found) <= any(not scheme.is_socks for scheme in proxy.schemes)
        if proxy.schemes == (Scheme.SOCKS4,):
            assert Capability.REMOTE_DNS not in found


@pytest.mark.parametrize("size", [0, -1, 200_001])
def test_an_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="the lab holds 1 to 200000 proxies"):
        build(Preset.RAW, size, 1)
