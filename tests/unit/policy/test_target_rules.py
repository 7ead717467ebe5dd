"""Targets that the gateway refuses."""

from __future__ import annotations

import pytest

from shoal.errors import ConfigError
from shoal.policy.target_rules import TargetRules


def test_ordinary_targets_pass_in_canonical_spelling() -> None:
    rules = TargetRules()
    assert rules.judge("Example.COM.", 443) == ("example.com", None)
    assert rules.judge("8.8.8.8", 53) == ("8.8.8.8", None)
    assert rules.judge("[2606:4700::1111]", 443) == ("2606:4700::1111", None)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.1.1", "169.254.169.254", "localhost", "a.local", "x.internal", "nas", "::1",
     "0x7f000001", "017700000001", "127.1", "fe80::1", "64:ff9b::7f00:1", "0.0.0.0", "224.0.0.1", "[::ffff:10.0.0.1]"],
)  # fmt: skip
def test_what_is_inside_is_refused_in_every_spelling(host: str) -> None:
    assert TargetRules().judge(host, 80)[1] is not None


def test_opened_networks_pass_and_others_stay_shut() -> None:
    rules = TargetRules(("127.0.0.0/8",))
    assert rules.judge("127.0.0.1", 80)[1] is None
    assert rules.judge("localhost", 80)[1] is None
    assert rules.judge("10.0.0.1", 80)[1] is not None


def test_mail_ports_are_refused() -> None:
    rules = TargetRules(refused_ports=("25",))
    assert rules.judge("example.com", 25)[1] is not None
    assert rules.judge("example.com", 26)[1] is None
    assert rules.judge("example.com", 0)[1] is not None


def test_every_bad_setting_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        TargetRules(("10.0.0.1/8", "x"), ("0", "smtp"))
    assert len(caught.value.problems) == 4
    assert all("gateway." in problem for problem in caught.value.problems)
