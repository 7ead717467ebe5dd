"""A cluster at two vantage points in virtual time: `make bench BENCH=cluster_sim` runs it with a million known."""

from __future__ import annotations

import pytest

from shoal.testing.cluster_scenario import Report, Scale, simulate
from shoal.testing.virtual_time import run_virtual

pytestmark = [pytest.mark.xdist_group("sim_cluster"), pytest.mark.timeout(600)]

SCALE = Scale(known=20_000, seconds=300.0, concurrency=150, rate=110.0, min_interval=10.0)


@pytest.fixture(scope="module")
def run() -> Report:
    return run_virtual(simulate(SCALE))


def test_every_known_proxy_is_checked_and_no_result_is_lost(run: Report) -> None:
    assert run.known == 20_000 and run.unchecked == 0
    # Those that the killed worker had not saved are the only ones of which nobody knows.
    assert run.checks - run.in_hand - run.outstanding <= run.stored <= run.checks
    assert run.faults == []


def test_one_scheduler_leads_and_the_other_takes_over_within_fifteen_seconds(run: Report) -> None:
    assert run.leaders_at_once == 1
    assert len(run.senders) == 2
    assert run.take_over <= 15.0


def test_no_record_is_sent_or_checked_twice_while_its_claim_stands(run: Report) -> None:
    assert (run.sent_twice, run.checked_twice) == (0, 0)


def test_budgets_hold(run: Report) -> None:
    # Ten seconds' worth, what is saved up in one, and what waited for a worker that had been cut off.
    assert run.most_begun <= 14 * SCALE.rate
    assert run.most_outstanding <= 1.5 * run.capacity
    assert max(run.peaks.values()) <= SCALE.concurrency


def test_a_killed_worker_costs_no_more_than_its_lease(run: Report) -> None:
    assert run.in_hand > 10
    assert run.regained <= 30.0 + 5.0


def test_each_vantage_point_knows_what_works_from_there(run: Report) -> None:
    assert min(run.by_vantage.values()) > 0.25 * run.checks
    assert min(run.listed.values()) > 50
    assert run.cut_off["us"] <= 0.05 and run.cut_off["eu"] > 0.3
    assert min(run.up.values()) > 0.75
