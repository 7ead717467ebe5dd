import asyncio
import socket
from typing import Any

import pytest

from shoal.domain import Refused, Trust
from shoal.net import resolver as module
from shoal.net.resolver import SystemResolver
from shoal.options import AdmissionOptions
from shoal.policy.address_rules import AddressRules
from shoal.ports import ResolveError, Resolver

OWN, PUBLIC = Trust.OWN, Trust.PUBLIC


class Names:
    """Stands for the operating system's resolver."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        await self.open.wait()
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET6 if ":" in a else socket.AF_INET, 1, 6, "", (a, port)) for a in self.answers[host]]


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names(
        {
            "two.example": ["2606:4700::1", "8.8.8.8", "8.8.8.8"],
            "mixed.example": ["10.0.0.1", "8.8.4.4", "::1"],
            "inside.example": ["10.0.0.1"],
            "scoped.example": ["fe80::1%eth0"],
            "localhost": ["::1", "127.0.0.1"],
        }
    )
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
    return names


def make(timeout: float = 5.0, ttl: float = 60.0, **settings: tuple[str, ...]) -> SystemResolver:
    rules = AddressRules.from_options(AdmissionOptions(**settings))  # type: ignore[arg-type]
    return SystemResolver(rules, timeout=timeout, ttl=ttl)


async def refused(resolver: Resolver, host: str, trust: Trust = PUBLIC) -> ResolveError:
    with pytest.raises(ResolveError) as caught:
        await resolver.resolve(host, 80, trust)
    return caught.value


async def test_literals_are_judged_and_not_looked_up(names: Names) -> None:
    resolver = make(allow=("127.0.0.0/8",))
    assert await resolver.resolve("8.8.8.8", 80, PUBLIC) == ("8.8.8.8",)
    assert await resolver.resolve("2606:4700::1", 80, PUBLIC) == ("2606:4700::1",)
    assert await resolver.resolve("127.0.0.1", 80, OWN) == ("127.0.0.1",)
    error = await refused(resolver, "127.0.0.1")
    assert error.refused is Refused.LOOPBACK and "127.0.0.1 may not be dialled" in str(error)
    assert names.asked == []


async def test_addresses_come_once_each_and_ipv4_first(names: Names) -> None:
    assert await make().resolve("two.example", 80, PUBLIC) == ("8.8.8.8", "2606:4700::1")


async def test_every_address_is_judged(names: Names) -> None:
    assert await make().resolve("mixed.example", 80, PUBLIC) == ("8.8.4.4",)
    error = await refused(make(), "inside.example")
    assert error.refused is Refused.PRIVATE and "inside.example leads only to" in str(error)


async def test_trust_decides_even_when_the_answer_is_remembered(names: Names) -> None:
    resolver = make(allow=("10.0.0.0/8",))
    assert await resolver.resolve("inside.example", 80, OWN) == ("10.0.0.1",)
    assert (await refused(resolver, "inside.example", PUBLIC)).refused is Refused.PRIVATE
    assert names.asked == ["inside.example"]


async def test_local_names_need_an_opened_network_and_give_only_what_lies_in_it(names: Names) -> None:
    assert (await refused(make(), "localhost", OWN)).refused is Refused.PRIVATE
    assert names.asked == []
    assert await make(allow=("127.0.0.0/8",)).resolve("localhost", 80, OWN) == ("127.0.0.1",)


async def test_a_name_without_an_address_is_one_sentence_and_not_a_refusal(names: Names) -> None:
    error = await refused(make(), "gone.example")
    assert error.refused is None
    assert str(error) == "The name gone.example has no address (Name or service not known)."
    assert (await refused(make(), "scoped.example")).refused is None


async def test_failures_are_remembered_too(names: Names) -> None:
    resolver = make()
    await refused(resolver, "gone.example")
    await refused(resolver, "gone.example")
    assert names.asked == ["gone.example"]


async def test_answers_grow_old(names: Names) -> None:
    resolver = make(ttl=0.0)
    for _ in range(2):
        await resolver.resolve("two.example", 80, PUBLIC)
    assert names.asked == ["two.example"] * 2


async def test_a_silent_name_server_costs_the_time_out_and_no_more(names: Names) -> None:
    names.open.clear()
    error = await refused(make(timeout=0.01), "two.example")
    assert error.refused is None and "within 0.01 s" in str(error)


async def test_sessions_of_one_name_behind_a_full_room_ask_once(names: Names) -> None:
    rules = AddressRules.from_options(AdmissionOptions())
    resolver = SystemResolver(rules, lookups=1)
    names.open.clear()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(resolver.resolve("two.example", 80, PUBLIC), name=f"ask {n}") for n in range(20)]
        await asyncio.sleep(0)
        names.open.set()
    assert {task.result()[0] for task in tasks} == {"8.8.8.8"}
    assert names.asked == ["two.example"]


async def test_memory_is_bounded(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHE_SIZE", 2)
    resolver = make()
    for host in ("gone.example", "two.example", "mixed.example"):
        try:
            await resolver.resolve(host, 80, PUBLIC)
        except ResolveError:
            assert host == "gone.example"
    await refused(resolver, "gone.example")
    await resolver.resolve("mixed.example", 80, PUBLIC)
    assert names.asked == ["gone.example", "two.example", "mixed.example", "gone.example"]
