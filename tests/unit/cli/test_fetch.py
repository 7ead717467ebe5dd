"""``shoal fetch``: what is printed and what it is called when nothing comes."""

import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from shoal.cli.main import run
from shoal.domain import Candidate, Credentials, Endpoint, Scheme
from shoal.ports.source import Harvest, SourceError

FOUND = (
    Candidate(Endpoint("192.0.2.1", 80)),
    Candidate(Endpoint("192.0.2.2", 1080), Scheme.SOCKS5, Credentials("u", "p"), "DE"),
)


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    planned: dict[str, Any] = {}

    async def fetch_all(options: object, on_source: Callable[[str, Any], None]) -> list[Candidate]:
        for name, outcome in planned.items():
            on_source(name, outcome)
        return [c for outcome in planned.values() if isinstance(outcome, Harvest) for c in outcome.candidates]

    module = ModuleType("shoal.app")
    module.fetch_all = fetch_all  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shoal.app", module)
    return planned


def test_proxies_go_to_standard_output_and_the_table_to_standard_error(
    outcomes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes["a list"] = Harvest(FOUND, refused={"bad_port": 3})
    outcomes["b \x1b[31m"] = SourceError("http://u:pw@b.example answers 404")
    assert run(["fetch"]) == 0
    out, err = capsys.readouterr()
    assert out == "192.0.2.1:80\nsocks5://u:p@192.0.2.2:1080\n"
    assert "bad port 3" in err and "answers 404" in err
    assert "\x1b" not in err and "pw@" not in err


def test_json_lines(outcomes: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    outcomes["a"] = Harvest(FOUND)
    assert run(["fetch", "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["scheme"] is None and first["port"] == 80
    assert second["proxy"] == "socks5://u:p@192.0.2.2:1080" and second["country"] == "DE"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Harvest(), 1), (SourceError("answers 404"), 1), (SourceError("no route", network=True), 4)],
)
def test_nothing_found_and_nothing_reached_have_codes_of_their_own(
    outcome: Any, code: int, outcomes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes["a"] = outcome
    assert run(["fetch"]) == code
    assert capsys.readouterr().err.splitlines()[-1].startswith("shoal: ")
