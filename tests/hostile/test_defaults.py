"""The settings that nobody touched are the safe ones, and what the security page counts is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from shoal.domain.query import DANGEROUS, Query
from shoal.errors import ConfigError
from shoal.gateway import check_bind as check_gateway_bind
from shoal.options import ApiOptions, GatewayOptions, Options
from shoal.policy.bind import check_bind, is_loopback, parse_listen

ROOT = Path(__file__).parents[2]


def test_nothing_listens_beyond_this_machine() -> None:
    options = Options()
    for listen in (options.api.listen, options.gateway.listen):
        assert is_loopback(parse_listen(listen)[0])


@pytest.mark.parametrize("listen", ["0.0.0.0:5010", "[::]:5010", "192.0.2.1:5010", "example.com:5010"])
def test_a_public_bind_needs_a_credential(listen: str) -> None:
    with pytest.raises(ConfigError, match="credential"):
        check_bind(ApiOptions(listen=listen))
    with pytest.raises(ConfigError):
        check_gateway_bind(GatewayOptions(listen=listen))


def test_no_network_is_open_that_is_not_public() -> None:
    options = Options()
    assert options.admission.allow == options.admission.allow_public == options.gateway.allow_target == ()
    assert options.api.allow_from == ()


def test_a_poisoned_list_makes_no_scanner() -> None:
    admission = Options().admission
    assert admission.ports_per_host <= 5
    assert admission.hosts_per_net <= 20


def test_mail_ports_are_shut() -> None:
    assert {"25", "465", "587"} <= set(GatewayOptions().refused_ports)


def test_liars_are_left_out_unless_asked_for() -> None:
    assert Query().not_honesties == DANGEROUS


def test_the_page_counts_the_dependencies_right() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "SECURITY.md").read_text()
    told = re.search(r"The core needs (\d+) direct dependencies", page)
    assert told is not None and int(told[1]) == len(project["dependencies"])


def test_the_page_names_tests_that_exist() -> None:
    page = (ROOT / "SECURITY.md").read_text()
    named = re.findall(r"`(tests/[\w/.]+)`", page)
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).exists()] == []
