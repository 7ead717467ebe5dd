"""Targets: read off a table, and found by what a query says."""

from __future__ import annotations

import pytest

from shoal.domain import Target
from shoal.options import Expect, OwnTarget, TargetOptions
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import TargetTable, place_of, read_target

RULES = TargetRules(refused_ports=("25",))


def read(url: str, **rest: object) -> Target:
    target, wrong = read_target(OwnTarget(url=url, **rest), TargetOptions(), RULES.judge)  # type: ignore[arg-type]
    assert target is not None, wrong
    return target


@pytest.mark.parametrize(
    ("url", "name", "path"),
    [
        ("https://Shop.example", "shop.example", "/"),
        ("https://shop.example:443/a?b=c#d", "shop.example", "/a?b=c"),
        ("http://shop.example:8080/x", "shop.example:8080", "/x"),
        ("https://[2606:4700::1]/", "[2606:4700::1]", "/"),
    ],
)
def test_a_target_is_called_after_its_host_unless_it_has_a_name(url: str, name: str, path: str) -> None:
    target = read(url)
    assert (target.name, target.path, target.tls) == (name, path, url.startswith("https"))
    assert read(url, name="Mine").name == "mine"


def test_what_a_table_leaves_out_comes_from_the_settings() -> None:
    target = read("https://a.example", interval=60.0)
    assert (target.interval, target.cool_down, target.rate) == (60.0, 900.0, 5.0)


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (OwnTarget(url="ftp://a.example"), "no http or https address"),
        (OwnTarget(url="https://"), "no http or https address"),
        (OwnTarget(url="https://a.example:99999"), "no http or https address"),
        (OwnTarget(url="https://me:pw@a.example"), "user or password"),
        (OwnTarget(url="https://a.example/ü"), "percent-encoded"),
        (OwnTarget(url="http://127.0.0.1/"), "loopback"),
        (OwnTarget(url="http://2130706433/"), "neither a name nor an address"),
        (OwnTarget(url="http://169.254.169.254/latest"), "link-local"),
        (OwnTarget(url="http://router.internal/"), "private"),
        (OwnTarget(url="http://a.example:25/"), "mail"),
        (OwnTarget(url="https://a.example", name="a b"), "name that cannot be used"),
        (OwnTarget(url="https://a.example", expect=Expect(regex="(")), "no regular expression"),
        (OwnTarget(url="https://a.example", expect=Expect(not_regex="")), "empty"),
        (OwnTarget(url="https://a.example", expect=Expect(status=(200, 999))), "status 999"),
        (OwnTarget(url="https://a.example", interval=0.0), "above 0"),
        (OwnTarget(url="https://a.example", user_agent="a\r\nb"), "no header can hold"),
    ],
)
def test_what_cannot_be_a_target_is_told_in_words(own: OwnTarget, says: str) -> None:
    target, wrong = read_target(own, TargetOptions(), RULES.judge)
    assert target is None
    assert any(says in one for one in wrong), wrong


def test_private_networks_are_opened_as_for_the_gateway() -> None:
    rules = TargetRules(("127.0.0.0/8",))
    assert read_target(OwnTarget(url="http://127.0.0.1:81/"), TargetOptions(), rules.judge)[0] is not None


def test_a_target_is_found_by_name_url_host_and_port() -> None:
    shop, news = read("https://shop.example/buy"), read("http://news.example:8080/", name="news")
    table = TargetTable([shop, news])
    for text in ("shop.example", "SHOP.example:443", "https://shop.example/buy", "https://shop.example/other"):
        assert table.find(text) == (shop,), text
    for text in ("news", "news.example", "news.example:8080", "http://news.example:8080/"):
        assert table.find(text) == (news,), text
    for text in ("shop.example:80", "example", "http://shop.example/", "news.example:80", ""):
        assert table.find(text) == (), text


def test_two_targets_on_one_host_are_both_meant_by_it() -> None:
    one, other = read("https://a.example/1", name="one"), read("https://a.example/2", name="other")
    table = TargetTable([one, other])
    assert set(table.find("a.example")) == {one, other}
    assert table.find("https://a.example/2") == (other,)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.example", ("a.example", None)),
        ("A.example:81", ("a.example", 81)),
        ("https://a.example/x:1", ("a.example", 443)),
        ("http://u@a.example:9/x", ("a.example", 9)),
        ("[::1]:80", ("[::1]", 80)),
        ("[::1]", ("[::1]", None)),
    ],
)
def test_places_are_host_and_port(text: str, place: tuple[str, int | None]) -> None:
    assert place_of(text) == place
