"""Lines with fields over the standard library's log."""

from __future__ import annotations

import logging

import pytest

from shoal.log import FIELDS, Log
from shoal.testing.logs import capture_logs


def test_a_line_has_its_event_its_fields_and_where_it_was_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "shoal.test"):
        Log("shoal.test").info("100 %s done", source="a list", found=12)
    (record,) = caplog.records
    assert record.getMessage() == "100 %s done"
    assert getattr(record, FIELDS) == {"source": "a list", "found": 12}
    assert record.filename == "test_log.py"


def test_what_nobody_reads_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "shoal.test"):
        log = Log("shoal.test")
        for write in (log.debug, log.info, log.warning):
            write("quiet")
        log.error("loud")
    assert [record.getMessage() for record in caplog.records] == ["loud"]


def test_an_exception_comes_with_its_traceback() -> None:
    with capture_logs() as lines:
        try:
            raise ZeroDivisionError("a bug")
        except ZeroDivisionError as error:
            Log("shoal.test").exception("caught", which=1)
            Log("shoal.test").error("given", exc_info=error)
    assert [(line["event"], line["log_level"], str(line["exc_info"])) for line in lines] == [
        ("caught", "error", "a bug"),
        ("given", "error", "a bug"),
    ]
    assert lines[0]["which"] == 1
