"""The doctor's sentences: one for every way in which a pool is empty."""

import re
from typing import Any

import pytest
from msgspec.structs import replace

from shoal.cli.diagnosis import Facts, Judged, diagnose

WELL = Facts(
    api="http://127.0.0.1:5010",
    folder="/data",
    free_bytes=10**12,
    stats={"known": 100, "working": 10, "unchecked": 0, "problems": []},
    now=1e9,
    newest=1e9 - 5,
    skew=0.4,
    resolved=3,
    judges=(Judged("http://j/", True), Judged("http://k/", False, "refused")),
    sources_on=3,
    read=3,
    found=100,
    wanted_checks=1000,
    fitting_checks=1000,
    open_files=4096,
)


def test_a_pool_that_is_well_has_nothing_wrong() -> None:
    assert {finding.grade for finding in diagnose(WELL)} == {"good"}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"folder_error": "it is full of holes"}, "cannot be used: it is full of holes; .*--data"),
        ({"free_bytes": 5}, "nearly full"),
        ({"store_error": "damaged"}, "store cannot be read: damaged"),
        ({"fitting_checks": 90, "open_files": 240}, "at most 90 of the 1000.*ulimit -n"),
        ({"skew": 3600.0}, "60 min ahead"),
        ({"skew": -3600.0}, "60 min behind"),
        ({"newest": 2e9}, "times of the future"),
        ({"newest": 1e9 - 3 * 86_400}, "no source was read for 3.0 days.*log"),
        ({"stats": None}, "no pool runs.*`shoal up`"),
        ({"stats": None, "stats_error": "it wants its token"}, "wants its token"),
        ({"stats": {**(WELL.stats or {}), "problems": ["0 of 3 sources reachable"]}}, "says: 0 of 3 sources"),
        ({"unresolved": ("a.example",), "resolved": 0}, "no name can be looked up.*a.example"),
        ({"unresolved": ("a.example",), "resolved": 0}, "so it is DNS"),
        (
            {"unresolved": ("a.example",), "resolved": 0, "judges": (Judged("http://j/", False, "x"),)},
            "there is no network, or no DNS",
        ),
        ({"judges": ()}, "there is no judge"),
        ({"judges": (Judged("http://j/", False, "refused"),)}, "no judge answers.*http://j/: refused"),
        ({"sources_on": 0}, "no source is read"),
        ({"read": 0, "stale": (("a", "answers 404"),)}, "no source could be read.*a: answers 404"),
        ({"found": 0, "refused": {"bad_port": 5, "private": 9}}, "refused .private 9, bad port 5.; --allow"),
        ({"stats": {"known": 0}}, "pool is empty"),
        ({"stats": {"known": 10, "unchecked": 9}}, "9 were never checked"),
        ({"stats": {"known": 10, "failures": {"connect.timeout": 7}}}, "none works .connect.timeout 7"),
        ({"stats": None, "counts": (10, 0, 0)}, "10 proxies were checked and none works"),
    ],
)
def test_each_trouble_has_its_sentence(facts: dict[str, Any], told: str) -> None:
    bad = [finding.text for finding in diagnose(replace(WELL, **facts)) if finding.grade == "bad"]
    assert any(re.search(told, text) for text in bad), bad


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"fitting_checks": 700, "open_files": 1024}, "at most 700 of the 1000"),
        ({"stats": None, "owner": "process 7", "counts": (5, 0, 2)}, "process 7 works on the data folder"),
        ({"unresolved": ("a.example",)}, "cannot be looked up: a.example"),
        ({"stale": (("a", "answers 404"),)}, "source a brought nothing"),
        ({"is_open": True}, "chmod 700"),
    ],
)
def test_what_does_not_empty_the_pool_is_a_note(facts: dict[str, Any], told: str) -> None:
    findings = diagnose(replace(WELL, **facts))
    assert not [finding for finding in findings if finding.grade == "bad"]
    assert any(told in finding.text for finding in findings if finding.grade == "note")


def test_what_an_idle_pool_remembers_may_be_stale() -> None:
    findings = diagnose(replace(WELL, stats=None, newest=1e9 - 2 * 86_400))
    assert next(finding.text for finding in findings if finding.grade == "bad").startswith("no pool runs")
    assert any("stale; `shoal up` reads them" in finding.text for finding in findings if finding.grade == "note")
