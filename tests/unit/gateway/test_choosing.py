"""Which upstream comes next."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from shoal.domain import Capability, Endpoint, Forecast, Pick, Scheme
from shoal.gateway.choosing import Chooser, Tried
from shoal.gateway.demand import Demand, Kind
from shoal.gateway.sessions import Sessions
from shoal.gateway.users import User
from shoal.options import GatewayOptions
from shoal.policy.gateway_params import GatewayParams, Strategy
from shoal.testing.builders import make_record
from shoal.testing.fake_service import FakeService, working_path

TUNNEL, FORWARD, ANY = Capability.TUNNEL, Capability.FORWARD, Capability.TUNNEL_ANY_PORT


def at(host, *paths):
    record = make_record(1, paths=paths)
    return replace(record, key=host, endpoint=Endpoint(host, 80))


def chooser(*records):
    service = FakeService(*records)
    return Chooser(service, Sessions(service, service.now, 600.0, 10), Random(1))


def demand(kind=Kind.TUNNEL, port=443, host="example.com", **params):
    return Demand(kind, host, port, User("me", GatewayOptions()), GatewayParams(**params))


def host_of(choice):
    return None if choice is None else choice[0].record.endpoint.host


def test_only_a_verified_tunnel_serves_connect() -> None:
    choose = chooser(at("10.0.0.1", working_path(Scheme.HTTP, FORWARD)), at("10.0.1.1", working_path(Scheme.SOCKS5)))
    assert choose.choose(demand(), Tried()) is None
    assert host_of(choose.choose(demand(Kind.UPGRADE, 80), Tried())) == "10.0.1.1"


def test_a_plain_request_is_forwarded_where_that_works_and_tunnelled_elsewhere() -> None:
    for path, mode in (
        (working_path(Scheme.HTTP, FORWARD, TUNNEL), "forward"),
        (working_path(Scheme.HTTP, TUNNEL), "tunnel"),
        (working_path(Scheme.SOCKS5), "tunnel"),
    ):
        choice = chooser(at("10.0.0.1", path)).choose(demand(Kind.PLAIN, 80), Tried())
        assert choice is not None and choice[1] == mode


def test_socks4_gets_no_names_and_no_ipv6() -> None:
    choose = chooser(at("10.0.0.1", working_path(Scheme.SOCKS4, TUNNEL, Capability.IPV6_EXIT)))
    assert choose.choose(demand(), Tried()) is None
    assert choose.choose(demand(host="2606:4700::1111"), Tried()) is None
    assert choose.choose(demand(host="8.8.8.8"), Tried()) is not None


def test_another_network_comes_first_then_another_proxy_then_the_same_again() -> None:
    one, near, far = (at(host, working_path(Scheme.HTTP, TUNNEL)) for host in ("10.0.0.1", "10.0.0.2", "10.0.9.1"))
    choose, tried = chooser(one, near, far), Tried()
    seen = []
    for _ in range(3):
        choice = choose.choose(demand(), tried, again=False)
        assert choice is not None
        seen.append(choice[0].record.endpoint.host)
        tried.add(choice[0])
    assert set(seen) == {"10.0.0.1", "10.0.0.2", "10.0.9.1"}
    assert seen[1] == "10.0.9.1" or seen[0] == "10.0.9.1"
    assert choose.choose(demand(), tried, again=False) is None
    assert choose.choose(demand(), tried) is not None


def test_a_proxy_that_tunnels_to_any_port_is_preferred_for_odd_ones() -> None:
    only, any_port = (
        at("10.0.0.1", working_path(Scheme.HTTP, TUNNEL, latency=0.1)),
        at("10.0.1.1", working_path(Scheme.HTTP, TUNNEL, ANY, latency=9.0)),
    )
    for records in ((only, any_port), (any_port, only)):
        assert host_of(chooser(*records).choose(demand(port=8443), Tried())) == "10.0.1.1"
    assert host_of(chooser(only).choose(demand(port=8443), Tried())) == "10.0.0.1"


def test_the_least_used_is_chosen_where_that_is_asked_for() -> None:
    records = [at(f"10.0.{n}.1", working_path(Scheme.HTTP, TUNNEL)) for n in range(3)]

    class Round(FakeService):
        turn = 0

        def pick(self, query):
            self.turn += 1
            found = self.list(query)
            return found[self.turn % len(found)] if found else None

    service = Round(*records)
    choose = Chooser(service, Sessions(service, service.now, 600.0, 10), Random(1))
    first, second = (Pick(r, r.paths[0], r.proxy(Scheme.HTTP), Forecast(0.9, 0.9)) for r in records[:2])
    for pick in (first, second, second):
        choose.enter(pick, "x.example:443")
    assert host_of(choose.choose(demand(strategy=Strategy.LEAST), Tried())) == "10.0.2.1"
    choose.leave(first)
    assert records[0].id not in choose.in_use
