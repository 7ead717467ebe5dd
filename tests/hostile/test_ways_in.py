"""One table of hosts, every way in: nothing inside is admitted, kept or dialled, and each refusal is explained."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.hostile.inside import ADDRESSES, HOSTS, SIX, authority

from shoal.domain import Candidate, Endpoint, Reason, Refused, Stage, Trust
from shoal.domain.address import canonical_host
from shoal.errors import ConfigError
from shoal.net.resolver import SystemResolver
from shoal.options import AdmissionOptions, CheckOptions, JudgeOptions, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.policy.discovery import Judges
from shoal.policy.target_rules import TargetRules
from shoal.ports import ResolveError, SourceError
from shoal.probe.judges import chosen_judges
from shoal.probe.panel import JudgePanel
from shoal.probe.prober import NetProber
from shoal.sources.extract import extract
from shoal.sources.fetch import Fetcher
from shoal.testing.builders import make_record
from shoal.upstream.tls import make_contexts

RULES = AddressRules.from_options(AdmissionOptions())


class Dialled(AssertionError):
    """Somebody opened a socket to what was refused."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that comes too late is seen: whatever connects or looks up a name fails the test."""

    def refuse(*_: Any, **__: Any) -> None:
        raise Dialled

    for name in ("create_connection", "sock_connect", "getaddrinfo"):
        monkeypatch.setattr(asyncio.BaseEventLoop, name, refuse, raising=False)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def admitted(text: str, name: str) -> tuple[list[str], dict[str, int]]:
    """What a public and an own list with this content bring into the pool, and why entries were refused."""
    found, reasons = [], {}
    for trust in Trust:
        extraction = extract(text.encode(), name=name)
        admission = Admission(RULES, AdmissionOptions(), b"key")
        let_in, refused = admission.admit(extraction.candidates, source="s", trust=trust)
        found += [str(one.candidate.endpoint) for one in let_in]
        reasons.update(refused)
        reasons.update({reason: count for reason, count in extraction.refused.items() if count})
    return found, reasons


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("form", ["text", "url", "login", "json", "html"])
def test_no_list_brings_it_in(host: str, form: str) -> None:
    where = authority(host, 8080)
    text, name = {
        "text": (f"{where}\n", "list.txt"),
        "url": (f"socks5://{where}\n", "list.txt"),
        "login": (f"http://user:pass@{where}\n", "list.txt"),
        "json": (json.dumps([{"ip": host, "port": 8080, "protocol": "http"}]), "list.json"),
        "html": (f"<table><tr><th>IP<th>Port<tr><td>{host}<td>8080</table>", "list.html"),
    }[form]
    found, reasons = admitted(text, name)
    assert found == []
    # A word and a number in a line of prose or a cell are no entry at all; whatever looks like one is counted.
    assert reasons or form not in ("url", "login")


async def fetch(host: str) -> None:
    await Fetcher(SourceOptions(), SystemResolver(RULES)).get(f"http://{authority(host, 80)}/list.txt", Trust.OWN)


async def judge(host: str) -> None:
    chosen_judges(JudgeOptions(urls=(f"http://{authority(host, 80)}/check/",)), RULES.refusal)


async def target(host: str) -> None:
    _, why = TargetRules().judge(host, 80)
    if why is not None:
        raise ConfigError(why)


WAYS: dict[str, Callable[[str], Awaitable[None]]] = {"source": fetch, "judge": judge, "target": target}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("way", WAYS)
async def test_no_setting_and_no_client_leads_there(host: str, way: str) -> None:
    with pytest.raises((ConfigError, SourceError)) as caught:
        await WAYS[way](host)
    assert len(str(caught.value)) > 15


@pytest.mark.parametrize("host", [*ADDRESSES, *SIX])
@pytest.mark.parametrize("trust", list(Trust))
async def test_what_a_store_holds_is_refused_again_before_it_is_dialled(host: str, trust: Trust) -> None:
    """A record of an earlier run, when the user had opened more."""
    canonical = canonical_host(host)
    if isinstance(canonical, Refused):
        return  # A spelling that no record can have.
    contexts = make_contexts(None)
    resolver = SystemResolver(RULES)

    class Clock:
        def now(self) -> float:
            return 1e6

    judges = chosen_judges(JudgeOptions(urls=("http://8.8.8.8/check/#key=k",)), RULES.refusal)
    panel = JudgePanel(judges, JudgeOptions(), resolver, Clock(), lambda: "0" * 32, contexts)
    panel.at_hand = Judges(plain=True)
    prober = NetProber(CheckOptions(), panel, resolver, RULES.refusal, Clock(), lambda: "0" * 32, contexts)
    result = await prober.check(replace(make_record(1, trust=trust), endpoint=Endpoint(canonical, 8080)))
    assert not result.works
    assert result.failure is not None
    assert (result.failure.stage, result.failure.reason) == (Stage.RESOLVE, Reason.DENIED)


@pytest.mark.parametrize("address", [*ADDRESSES, *SIX])
async def test_no_answer_of_a_name_server_leads_there(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was harmless when it was listed (rebinding): each answer is judged, whatever was found before."""
    answers = [["8.8.8.8"], [address], ["8.8.8.8", address]]

    async def getaddrinfo(self: object, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, 1, 6, "", (one, port)) for one in answers.pop(0)]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", getaddrinfo, raising=False)
    resolver = SystemResolver(RULES, ttl=0.0)
    assert await resolver.resolve("a.example", 80, Trust.PUBLIC) == ("8.8.8.8",)
    with pytest.raises(ResolveError, match="only to addresses that may not be dialled"):
        await resolver.resolve("a.example", 80, Trust.PUBLIC)
    assert await resolver.resolve("a.example", 80, Trust.PUBLIC) == ("8.8.8.8",)


def test_opening_a_network_for_oneself_opens_it_for_no_public_list() -> None:
    options = AdmissionOptions(allow=("10.0.0.0/8", "127.0.0.0/8", "fd00::/8"))
    admission = Admission(AddressRules.from_options(options), options, b"key")
    candidates = [Candidate(Endpoint(host, 80)) for host in ("10.0.0.1", "127.0.0.1", "fd00::1", "localhost")]
    assert admission.admit(candidates, source="s", trust=Trust.PUBLIC)[0] == []
    assert len(admission.admit(candidates, source="s", trust=Trust.OWN)[0]) == len(candidates)
