"""The log: structured lines on standard error, plain for people or JSON for machines, with secrets left out."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shoal.log import FIELDS
from shoal.telemetry.redact import HIDDEN, is_secret_name, printable, redacted

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

Event = dict[str, Any]


def configure_logs(words: str = "") -> None:
    """Set up the log of Shoal and of its libraries alike.

    ``words`` is what ``SHOAL_LOG`` holds: ``plain`` (default) or ``json``, and a level (default ``info``), separated by
    commas; unknown words are ignored, since a log setting should never keep a program from starting.
    """
    chosen = {word.strip().lower() for word in words.split(",")}
    level = next((number for name, number in LEVELS.items() if name in chosen), logging.INFO)
    handler = _StandardError()
    handler.setFormatter(_Lines(json_line if "json" in chosen else plain_line))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # A line a request (or a check, or a batch of them) helps nobody and costs more than the request.
    for noisy in ("uvicorn.access", "httpx2", "httpcore2", "asyncio", "celery", "kombu"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


class _Lines(logging.Formatter):
    """Makes an event of a record, takes secrets out and has it ``rendered``."""

    def __init__(self, rendered: Callable[[Event], str]) -> None:
        super().__init__()
        self._rendered = rendered

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        event = {"timestamp": at, "level": record.levelname.lower(), "event": record.getMessage()}
        event |= getattr(record, FIELDS, {})
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return self._rendered(hide_secrets(event))


class _StandardError(logging.Handler):
    """Writes to whatever ``sys.stderr`` is at that moment: a live panel puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            # A closed pipe must not take the program down with it.
            return


def hide_secrets(event: Event) -> Event:
    """The event without the values of secret names, and without secrets inside of texts."""
    return {name: HIDDEN if is_secret_name(name) and value else _clean(value) for name, value in event.items()}


def _clean(value: object) -> object:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {
            str(name): HIDDEN if is_secret_name(str(name)) and inner else _clean(inner) for name, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value))


def json_line(event: Event) -> str:
    """One JSON object a line."""
    return json.dumps(event, ensure_ascii=False, default=str)


def plain_line(event: Event) -> str:
    """``2026-08-01T12:00:00Z info  what happened key=value``."""
    event = dict(event)
    stamp = str(event.pop("timestamp", ""))[:19]
    level = str(event.pop("level", "info"))
    exception = event.pop("exception", None)
    words = [f"{stamp}Z {level:<7} {printable(str(event.pop('event', '')))}"]
    words += [f"{name}={_word(value)}" for name, value in event.items()]
    line = " ".join(words)
    if exception:
        line += "\n" + "\n".join(printable(row) for row in str(exception).splitlines())
    return line


def _word(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    if isinstance(value, list):
        text = ",".join(_word(inner) for inner in value)
    elif isinstance(value, dict):
        text = ",".join(f"{name}:{_word(inner)}" for name, inner in value.items())
    else:
        text = str(value)
    return json.dumps(text, ensure_ascii=True) if not text or not text.isprintable() or " " in text else printable(text)
