"""Memory of targets: bans stay where they were made, grow, end, and are lifted by a success."""

from __future__ import annotations

from msgspec.structs import replace

from shoal.domain import Blame, Capability, Failure, Kind, Observation, Path, Reach, Reason, Scheme, Stage, Target
from shoal.options import OwnTarget, TargetOptions
from shoal.policy.fold import fold_use
from shoal.policy.reach import OTHERS_LIMIT, carries, fold_reach, is_banned, is_proven, next_visit, reach_of
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import TargetTable, read_target
from shoal.testing.builders import make_path, make_record

NOW = 1_000_000.0


def target(url: str, **rest: object) -> Target:
    found, wrong = read_target(OwnTarget(url=url, **rest), TargetOptions(), TargetRules().judge)  # type: ignore[arg-type]
    assert found is not None, wrong
    return found


SHOP = target("https://shop.example", cool_down=100.0, interval=60.0)
TABLE = TargetTable([SHOP], cool_down=10.0, max_cool_down=1000.0)
PATH = make_path(last_ok=NOW - 5.0)
REFUSED = Failure(Stage.RECEIVE, Reason.DENIED, "the answer was 403 Forbidden")
LOST = Failure(Stage.TUNNEL, Reason.UNREACHABLE, "502")


def seen(
    at: float = NOW,
    works: bool = False,
    *,
    target: str = "shop.example",
    ban: str | None = None,
    kind: Kind = Kind.PROBE,
    blame: Blame | None = None,
    retry_after: float | None = None,
) -> Observation:
    failure = None if works else REFUSED if ban else LOST
    return Observation(
        "key", kind, at, works, Scheme.HTTP, failure, blame, target=target, ban=ban, retry_after=retry_after
    )


def test_a_success_proves_the_target_and_no_other() -> None:
    path = fold_reach(PATH, seen(works=True), TABLE)
    assert is_proven(path, (SHOP,)) and not is_banned(path, "shop.example", (SHOP,), NOW)
    other = target("https://news.example")
    assert not is_proven(path, (other,)) and not is_proven(path, (SHOP, other))


def test_a_wrong_answer_unproves_until_the_next_right_one() -> None:
    path = fold_reach(PATH, seen(works=True), TABLE)
    path = fold_reach(path, seen(NOW + 1, blame=Blame.TARGET), TABLE)
    assert not is_proven(path, (SHOP,))
    assert reach_of(path, SHOP.name) == Reach(SHOP.name, NOW, NOW + 1, 1, 1, 0, 0.0, "502")
    assert is_proven(fold_reach(path, seen(NOW + 2, works=True), TABLE), (SHOP,))


def test_what_is_the_proxys_own_fault_or_ours_says_nothing_of_the_target() -> None:
    path = fold_reach(PATH, seen(works=True), TABLE)
    for fault in (Blame.PROXY, Blame.LOCAL):
        assert fold_reach(path, seen(NOW + 1, blame=fault), TABLE) is path


def test_a_use_that_failed_is_no_verdict_on_the_target() -> None:
    path = fold_reach(PATH, seen(works=True), TABLE)
    assert fold_reach(path, seen(NOW + 1, kind=Kind.USE, blame=Blame.UNKNOWN), TABLE) is path


def test_a_ban_holds_for_its_cool_down_and_doubles() -> None:
    path = fold_reach(PATH, seen(ban="403"), TABLE)
    assert is_banned(path, "shop.example", (SHOP,), NOW + 99) and not is_banned(path, "x", (SHOP,), NOW + 101)
    path = fold_reach(path, seen(NOW + 101, ban="403"), TABLE)
    reach = reach_of(path, SHOP.name)
    assert reach is not None and (reach.bans, reach.banned_until) == (2, NOW + 301)


def test_many_requests_that_meet_one_ban_are_one_ban() -> None:
    path = PATH
    for second in range(20):
        path = fold_reach(path, seen(NOW + second, ban="429"), TABLE)
    reach = reach_of(path, SHOP.name)
    assert reach is not None and (reach.bans, reach.banned_until) == (1, NOW + 119)


def test_a_ban_never_lasts_longer_than_the_most_and_at_least_as_long_as_the_target_asks() -> None:
    path = fold_reach(PATH, seen(ban="429", retry_after=500.0), TABLE)
    assert is_banned(path, "shop.example", (SHOP,), NOW + 499)
    path, at = PATH, NOW
    for _ in range(60):
        path = fold_reach(path, seen(at, ban="403"), TABLE)
        reach = reach_of(path, SHOP.name)
        assert reach is not None and reach.banned_until - at <= SHOP.max_cool_down
        at = reach.banned_until + 1.0


def test_a_success_lifts_a_ban_and_the_row_of_bans() -> None:
    path = fold_reach(fold_reach(PATH, seen(ban="403"), TABLE), seen(NOW + 1, works=True, kind=Kind.USE), TABLE)
    reach = reach_of(path, SHOP.name)
    assert reach is not None and (reach.bans, reach.banned_until) == (0, 0.0) and is_proven(path, (SHOP,))


def test_sites_that_nobody_named_are_remembered_only_while_they_ban() -> None:
    assert fold_reach(PATH, seen(works=True, target="other.example:443"), TABLE) is PATH
    path = fold_reach(PATH, seen(ban="403", target="other.example:443", kind=Kind.USE), TABLE)
    for text in ("other.example", "other.example:80", "https://other.example/x"):
        assert is_banned(path, text, (), NOW + 9)
    assert not is_banned(path, "other.example", (), NOW + 11) and not is_banned(path, "shop.example", (SHOP,), NOW)
    assert fold_reach(path, seen(works=True, target="other.example"), TABLE).reaches == ()


def test_memory_of_strangers_is_bounded_and_never_drops_a_target() -> None:
    path = fold_reach(PATH, seen(works=True), TABLE)
    for number in range(50):
        path = fold_reach(path, seen(NOW + number, ban="403", target=f"s{number}.example"), TABLE)
    assert len(path.reaches) == OTHERS_LIMIT + 1 and is_proven(path, (SHOP,))
    assert is_banned(path, "s49.example", (), NOW + 50) and not is_banned(path, "s0.example", (), NOW + 1)


def test_a_ban_is_never_a_verdict_on_the_proxy() -> None:
    record = make_record(1, paths=(PATH,))
    after = fold_use(record, seen(ban="403", blame=Blame.TARGET), TABLE)
    assert after.paths[0].health == PATH.health and after.paths[0].reaches != ()


def test_what_is_never_asked_is_due_first_and_a_ban_is_waited_for() -> None:
    assert next_visit(PATH, SHOP) == 0.0
    assert next_visit(fold_reach(PATH, seen(works=True), TABLE), SHOP) == NOW + 60.0
    assert next_visit(fold_reach(PATH, seen(ban="403"), TABLE), SHOP) == NOW + 100.0


def test_only_paths_that_have_shown_that_they_can_are_taken() -> None:
    plain = target("http://shop.example")
    forward, tunnel = frozenset({Capability.FORWARD}), frozenset({Capability.TUNNEL})
    path = replace(PATH, capabilities=forward)
    assert (carries(path, plain), carries(path, SHOP)) == ("forward", None)
    path = replace(PATH, capabilities=tunnel)
    assert (carries(path, plain), carries(path, SHOP)) == ("tunnel", "tunnel")
    socks: Path = replace(PATH, scheme=Scheme.SOCKS5, capabilities=frozenset())
    assert (carries(socks, plain), carries(socks, SHOP)) == ("tunnel", None)
