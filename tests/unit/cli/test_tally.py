"""The summary of a check."""

from types import SimpleNamespace
from typing import Any

from shoal.cli.tally import Tally
from shoal.domain import CheckResult, Failure, Honesty, Reason, Refused, Scheme, Stage


def entry(**result: Any) -> Any:
    return SimpleNamespace(input="", proxy=None, result=CheckResult("k", (), **result))


def test_the_summary_counts_everything_that_was_read() -> None:
    tally = Tally()
    tally.refuse(Refused.BAD_PORT)
    tally.count(entry(works=True, schemes=(Scheme.HTTP, Scheme.SOCKS5)))
    tally.count(entry(works=True, schemes=(Scheme.HTTP,), honesty=Honesty.TAMPERS))
    tally.count(entry(works=False, failure=Failure(Stage.CONNECT, Reason.TIMEOUT)))
    assert tally.lines(12.34) == [
        "read 4 entries; not checked 1 (bad port 1)",
        "checked 3 in 12.3 s: 2 work (http 2, socks5 1)",
        "of these not to be trusted: tampers 1",
        "failed: connecting: timed out 1",
    ]


def test_nothing_read_is_told_too() -> None:
    assert Tally().lines(0.0) == ["read 0 entries", "checked 0 in 0.0 s: 0 work"]
