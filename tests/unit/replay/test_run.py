from collections.abc import Sequence
from random import Random

import pytest

from shoal.replay import RIVALS, Rules, Trace, replay
from shoal.replay.own import Own
from shoal.replay.policy import Policy, Served
from shoal.replay.run import play

RULES = Rules(budget=60, serve=20, max_share=0.1, warmup=10)


def world(seed: int = 1, steps: int = 60, proxies: int = 120) -> Trace:
    """A few steady proxies among many that flap; all become known over the first half."""
    rng = Random(seed)
    qualities = [0.95 if number % 8 == 0 else 0.15 for number in range(proxies)]
    alive = [
        frozenset(f"10.0.0.{number}:80" for number, quality in enumerate(qualities) if rng.random() < quality)
        for _ in range(steps)
    ]
    return Trace("http", tuple(1_000_000.0 + 900.0 * step for step in range(steps)), tuple(alive))


class Recording:
    """Passes everything on and keeps what was asked and answered."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.known: set[int] = set()
        self.told: list[list[tuple[int, bool]]] = []
        self.asked: list[list[int]] = []
        self.picks: list[list[Served]] = []

    def add(self, proxies: Sequence[int], now: float) -> None:
        assert not self.known & set(proxies)
        self.known.update(proxies)
        self.policy.add(proxies, now)

    def checks(self, limit: int, now: float) -> list[int]:
        self.asked.append(self.policy.checks(limit, now))
        return self.asked[-1]

    def learn(self, results: Sequence[tuple[int, bool]], now: float) -> None:
        self.told.append(list(results))
        self.policy.learn(results, now)

    def serve(self, count: int, most: int, now: float, step: float) -> list[Served]:
        self.picks.append(self.policy.serve(count, most, now, step))
        return self.picks[-1]


def recorded(trace: Trace, rules: Rules = RULES, name: str = "shoal") -> Recording:
    recording = Recording(Own(rules, "http") if name == "shoal" else RIVALS[name](Random(1)))
    play(trace, rules, recording)
    return recording


@pytest.mark.parametrize("name", ["shoal", "drop_on_failure", "score_ladder", "decayed_share"])
@pytest.mark.parametrize("feedback", [False, True])
def test_another_future_changes_no_earlier_pick(name: str, feedback: bool) -> None:
    now, other = world(1), world(2)
    rules = RULES._replace(feedback=feedback)
    for split in (1, 20, 45):
        # The times differ as well: when the next snapshot comes is a matter of the future, too.
        times = (*now.times[:split], *(time + 77.0 * n for n, time in enumerate(now.times[split:], 1)))
        changed = Trace("http", times, now.alive[:split] + other.alive[split:])
        one, two = recorded(now, rules, name), recorded(changed, rules, name)
        assert one.picks[:split] == two.picks[:split]
        assert one.asked[:split] == two.asked[:split]
        assert one.picks != two.picks


def test_a_check_learns_its_own_truth_and_no_more_are_made_than_the_budget() -> None:
    trace = world()
    recording = recorded(trace)
    assert len(recording.told) == len(trace.times) - 1
    for step, (asked, told) in enumerate(zip(recording.asked, recording.told, strict=True)):
        assert [proxy for proxy, _ in told] == asked
        assert len(set(asked)) == len(asked) <= RULES.budget
        assert sum(ok for _, ok in told) <= len(trace.alive[step])


def test_no_proxy_gets_more_than_its_share() -> None:
    for step in recorded(world()).picks:
        proxies = [pick.proxy for pick in step]
        assert len(proxies) <= RULES.serve
        assert (
            max(map(proxies.count, proxies), default=0) <= RULES.most or len(set(proxies)) < RULES.serve // RULES.most
        )


def test_the_same_seed_gives_the_same_picks_and_another_one_others() -> None:
    assert recorded(world()).picks == recorded(world()).picks
    assert recorded(world()).picks != recorded(world(), RULES._replace(seed=2)).picks


def test_knowledge_beats_chance_and_nobody_beats_the_oracle() -> None:
    report = replay(world(), RULES)
    scores = {name: score.success for name, score in report.policies.items()}
    assert set(scores) == {"shoal", *RIVALS}
    assert scores["oracle"] == max(scores.values()) > 0.95
    assert scores["shoal"] > scores["drop_on_failure"] + 0.1
    assert report.own.steps == len(world().times) - 1 - RULES.warmup
    assert report.own.brier is not None and 0.0 < report.own.brier < 0.2


class Stubborn:
    """Hands out the same proxy again and again."""

    def add(self, proxies: Sequence[int], now: float) -> None:
        pass

    def checks(self, limit: int, now: float) -> list[int]:
        return []

    def learn(self, results: Sequence[tuple[int, bool]], now: float) -> None:
        pass

    def serve(self, count: int, most: int, now: float, step: float) -> list[Served]:
        return [Served(0, 1.0)] * count


def test_picks_beyond_the_share_and_unfilled_ones_are_failures() -> None:
    trace = Trace("http", (0.0, 900.0, 1800.0), (frozenset({"a:1"}),) * 3)
    score = play(trace, RULES._replace(warmup=0), Stubborn())
    assert score.success == RULES.most / RULES.serve
    assert (score.distinct, score.brier, score.steps) == (1.0, 0.0, 2)


def test_dead_candidates_are_known_from_the_start_and_never_work() -> None:
    recording = recorded(world(), RULES._replace(dead=300, budget=200))
    assert len(recording.known) == 120 + 300
    worked = {proxy for told in recording.told for proxy, ok in told if ok}
    tried = {proxy for told in recording.told for proxy, _ in told}
    assert len(tried - worked) >= 300
