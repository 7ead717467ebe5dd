"""Figures and failures in words."""

from shoal.cli.words import counted, failure_words, first_few, plural, refusal_words, top
from shoal.domain import Reason, Refused, Stage


def test_every_failure_and_refusal_has_words() -> None:
    for stage in Stage:
        for reason in Reason:
            words = failure_words(f"{stage.value}.{reason.value}")
            assert "_" not in words and ": " in words
    assert all("_" not in refusal_words(reason.value) for reason in Refused)


def test_the_largest_counts_come_first_and_nothing_is_left_out_of_sight() -> None:
    assert counted(top({"a": 1, "b": 3000, "c": 0, "d": 1}, 3)) == "b 3,000, a 1, d 1"


def test_lists_of_names_are_cut() -> None:
    assert first_few("abc", 4) == "a, b, c"
    assert first_few("abcdef", 4) == "a, b, c, d and 2 more"
    assert plural(1, "entry", "entries") == "1 entry" and plural(1200, "judge") == "1,200 judges"
