"""Log lines: plain and JSON, levels, secrets left out."""

import json
import logging
from collections.abc import Iterator

import pytest

from shoal.log import Log
from shoal.telemetry import configure_logs


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_plain_lines_hold_level_message_and_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    Log("shoal.test").info("source read", source="a list", found=12, rate=1.23456)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.rstrip().split(" ", 1)[1] == 'info    source read source="a list" found=12 rate=1.23'


def test_json_lines_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    Log("shoal.test").warning("no judge", tried=3)
    event = json.loads(capsys.readouterr().err)
    assert event["event"] == "no judge" and event["tried"] == 3 and event["level"] == "warning"
    assert event["timestamp"].endswith("Z")


def test_levels_are_obeyed_and_unknown_words_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("error,colourful")
    Log("shoal.test").warning("quiet")
    Log("shoal.test").error("loud")
    err = capsys.readouterr().err
    assert "quiet" not in err and "loud" in err


@pytest.mark.parametrize("words", ["plain", "json"])
def test_no_secret_reaches_the_log(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(words)
    Log("shoal.test").info(
        "failed http://user:hunter2@192.0.2.1/",
        password="hunter2",
        headers={"Authorization": "hunter2"},
        urls=["socks5://u:hunter2@192.0.2.1:1"],
    )
    logging.getLogger("uvicorn.error").error("bad http://u:hunter2@h/")
    err = capsys.readouterr().err
    assert "hunter2" not in err and "***" in err and err.count("\n") == 2


def test_what_a_stranger_sent_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    Log("shoal.test").info("answer", text="a\nb\x1b[2J")
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "\x1b" not in err


def test_a_line_for_each_request_or_batch_is_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests of this process may have had uvicorn or Scrapy set up logging in their own way.
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "celery", "celery.worker.strategy"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "propagate", True)
        monkeypatch.setattr(logger, "handlers", [])
        monkeypatch.setattr(logger, "level", logging.NOTSET)
        logger.manager._clear_cache()  # type: ignore[attr-defined]
    configure_logs()
    logging.getLogger("uvicorn.access").info("GET /get/")
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("celery.worker.strategy").info("Task received")
    logging.getLogger("celery.worker.strategy").warning("connection lost")
    err = capsys.readouterr().err
    assert "GET" not in err and "Task" not in err and "started" in err and "connection lost" in err
