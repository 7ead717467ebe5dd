"""Right, banned, or something else."""

from __future__ import annotations

import pytest

from shoal.domain import Reason, Stage, Target
from shoal.options import Expect, OwnTarget, TargetOptions
from shoal.policy.page_verdict import ban_of, judge_page
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import read_target


def target(captcha: tuple[str, ...] = (), **expect: object) -> Target:
    own = OwnTarget(url="https://shop.example", expect=Expect(**expect))  # type: ignore[arg-type]
    found, wrong = read_target(own, TargetOptions(captcha=captcha), TargetRules().judge)
    assert found is not None, wrong
    return found


@pytest.mark.parametrize("status", [200, 204, 301, 302, 399])
def test_any_good_status_is_right_where_nothing_is_expected(status: int) -> None:
    assert judge_page(target(), status, b"", b"hello").right


@pytest.mark.parametrize("status", [403, 429])
def test_403_and_429_are_bans(status: int) -> None:
    verdict = judge_page(target(), status, b"", b"")
    assert verdict.ban is not None and str(status) in verdict.ban


def test_a_status_that_is_expected_is_no_ban() -> None:
    assert judge_page(target(status=403), 403, b"", b"").right
    assert not judge_page(target(status=403), 200, b"", b"").right


def test_the_target_says_for_how_long() -> None:
    verdict = judge_page(target(), 429, b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\n\r\n", b"")
    assert verdict.retry_after == 120.0
    assert judge_page(target(), 429, b"\r\nretry-after: Fri, 01 Jan 2027 00:00:00 GMT\r\n", b"").retry_after is None


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"", b"<html><title>Just a moment...</title>"),
        (b"", b"<script>window._cf_chl_opt={}</script>"),
        (b"\r\nCF-Mitigated: challenge\r\n", b""),
        (b"", b'<div class="g-recaptcha" data-sitekey="x"></div>'),
        (b"", b'<div class="h-captcha"></div>'),
        (b"", b"<title>Please solve this CAPTCHA</title>"),
        (b"", b"Our systems have detected unusual traffic from your computer network."),
        (b"\r\nLocation: https://shop.example/captcha?u=1\r\n", b""),
        (b"", b"<script src='https://geo.captcha-delivery.com/x.js'>"),
    ],
)
def test_captchas_are_bans_whatever_the_status(head: bytes, body: bytes) -> None:
    for status in (200, 503):
        assert judge_page(target(), status, head, body).ban is not None


def test_the_users_own_marks_count() -> None:
    assert judge_page(target(("Zugriff verweigert",)), 200, b"", b"<p>zugriff VERWEIGERT</p>").ban is not None


def test_a_page_with_what_is_expected_is_right_though_a_captcha_stands_in_it() -> None:
    login = b'<h1>Sign in</h1><div class="g-recaptcha"></div>'
    assert judge_page(target(regex="Sign in"), 200, b"", login).right
    assert judge_page(target(regex="Welcome"), 200, b"", login).ban is not None


def test_what_is_not_as_expected_fails_without_a_ban() -> None:
    for verdict, reason in (
        (judge_page(target(), 500, b"", b""), Reason.BAD_STATUS),
        (judge_page(target(status=(200, 201)), 204, b"", b""), Reason.BAD_STATUS),
        (judge_page(target(regex="price: [0-9]+"), 200, b"", b"price: none"), Reason.MISMATCH),
        (judge_page(target(not_regex="(?i)not available"), 200, b"", b"Not available"), Reason.MISMATCH),
        (judge_page(target(regex="a", not_regex="b"), 200, b"", b"ab"), Reason.MISMATCH),
    ):
        assert verdict.ban is None and verdict.failure is not None
        assert (verdict.failure.stage, verdict.failure.reason) == (Stage.CONTENT, reason)
    assert judge_page(target(regex="price: [0-9]+", not_regex="sold"), 200, b"", b"price: 7").right


def test_a_client_tells_a_ban_by_status_or_word() -> None:
    assert ban_of(403, False) and ban_of(429, False) and ban_of(None, True) and ban_of(200, True)
    assert ban_of(200, False) is None and ban_of(None, False) is None and ban_of(500, False) is None
