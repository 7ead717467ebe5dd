"""The log: structured lines on standard error, plain for people or JSON for machines, with secrets left out."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from shoal.telemetry.redact import HIDDEN, is_secret_name, printable, redacted

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

Event = MutableMapping[str, Any]


def configure_logs(words: str = "") -> None:
    """Set up structlog and the standard library's log alike.

    ``words`` is what ``SHOAL_LOG`` holds: ``plain`` (default) or ``json``, and a level (default ``info``), separated by
    commas; unknown words are ignored, since a log setting should never keep a program from starting.
    """
    # Costs more than all the rest of a short command, which logs nothing.
    import structlog

    chosen = {word.strip().lower() for word in words.split(",")}
    level = next((number for name, number in LEVELS.items() if name in chosen), logging.INFO)
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                hide_secrets,
                json_line if "json" in chosen else plain_line,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # A line a request (or a check) helps nobody and costs more than the request.
    for noisy in ("uvicorn.access", "httpx2", "httpcore2", "asyncio"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


class _StandardError(logging.Handler):
    """Writes to whatever ``sys.stderr`` is at that moment: a live panel puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            # A closed pipe must not take the program down with it.
            return


def hide_secrets(_logger: object, _method: str, event: Event) -> Event:
    """structlog processor: replaces values of secret names, and secrets inside of texts."""
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


def json_line(_logger: object, _method: str, event: Event) -> str:
    """structlog renderer: one JSON object a line."""
    return json.dumps(event, ensure_ascii=False, default=str)


def plain_line(_logger: object, _method: str, event: Event) -> str:
    """structlog renderer: ``2026-08-01T12:00:00Z info  what happened key=value``."""
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
