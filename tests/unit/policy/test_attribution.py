"""Who is at fault, over every stage and reason."""

from __future__ import annotations

import pytest

from shoal.domain import Blame, Failure, Reason, Stage
from shoal.policy.attribution import blame, is_doubtful

ALL = [Failure(stage, reason) for stage in Stage for reason in Reason]


@pytest.mark.parametrize("failure", ALL, ids=lambda failure: failure.kind)
def test_the_table_is_total_and_never_blames_the_proxy_while_we_are_ill(failure):
    assert blame(failure, vantage_healthy=False) in (Blame.LOCAL, Blame.UNKNOWN)
    assert blame(failure, vantage_healthy=True) in Blame
    assert blame(failure, vantage_healthy=True, target_vouched=False) in Blame


@pytest.mark.parametrize("stage", list(Stage))
def test_our_own_shortage_is_ours(stage):
    assert blame(Failure(stage, Reason.LOCAL_LIMIT), vantage_healthy=True) is Blame.LOCAL


def test_a_failed_connect_is_the_proxys_fault_while_we_are_well():
    for reason in (Reason.TIMEOUT, Reason.REFUSED, Reason.RESET, Reason.UNREACHABLE):
        assert blame(Failure(Stage.CONNECT, reason), vantage_healthy=True) is Blame.PROXY


@pytest.mark.parametrize("reason", [Reason.UNREACHABLE, Reason.REFUSED, Reason.DENIED, Reason.BAD_STATUS])
def test_not_reaching_a_target_counts_only_when_the_target_is_vouched_for(reason):
    failure = Failure(Stage.TUNNEL, reason)
    assert blame(failure, vantage_healthy=True) is Blame.PROXY
    assert blame(failure, vantage_healthy=True, target_vouched=False) in (Blame.TARGET, Blame.UNKNOWN)


def test_what_the_proxy_says_of_itself_counts_whoever_the_target_is():
    for reason in (Reason.AUTH, Reason.MALFORMED):
        assert blame(Failure(Stage.HANDSHAKE, reason), vantage_healthy=True, target_vouched=False) is Blame.PROXY


def test_a_foreign_targets_own_refusal_is_the_targets():
    for reason in (Reason.DENIED, Reason.BAD_STATUS):
        assert blame(Failure(Stage.CONTENT, reason), vantage_healthy=True, target_vouched=False) is Blame.TARGET


def test_only_what_we_could_have_caused_is_doubtful():
    assert is_doubtful(Failure(Stage.CONNECT, Reason.TIMEOUT))
    assert is_doubtful(Failure(Stage.RECEIVE, Reason.BAD_STATUS))
    assert not is_doubtful(Failure(Stage.CONNECT, Reason.REFUSED))
    assert not is_doubtful(Failure(Stage.HANDSHAKE, Reason.AUTH))
    assert not any(is_doubtful(failure) for failure in ALL if failure.reason is Reason.LOCAL_LIMIT)
