"""Exit codes, and the one line that a user gets instead of a traceback."""

from __future__ import annotations

import errno
import sys
from typing import Final

from shoal.errors import ConfigError, InvalidQueryError, NoJudgeError, NoProxyError, ShoalError, StoreLockedError

OK: Final = 0
NOTHING_FOUND: Final = 1
WRONG_USE: Final = 2
TAKEN: Final = 3
NOTHING_REACHABLE: Final = 4
INTERRUPTED: Final = 130

EXIT_CODES: Final = {
    OK: "it did what it was asked to do",
    NOTHING_FOUND: "it ran, but no proxy works or fits, or something is wrong",
    WRONG_USE: "wrong usage or settings, or a file that cannot be read or written",
    TAKEN: "another shoal works on this data folder, or the port is taken",
    NOTHING_REACHABLE: "nothing could be reached: no judge, no source, or no `shoal schedule`",
    INTERRUPTED: "interrupted before it was done",
}

_ERRNO_WORDS: Final = {
    errno.EADDRINUSE: TAKEN,
    errno.ECONNREFUSED: NOTHING_REACHABLE,
    errno.ENETUNREACH: NOTHING_REACHABLE,
    errno.EHOSTUNREACH: NOTHING_REACHABLE,
}


def say(text: str) -> None:
    """One line on standard error, which no terminal obeys."""
    from shoal.telemetry.redact import printable

    print(f"shoal: {printable(text)}", file=sys.stderr, flush=True)


def explain(error: BaseException) -> tuple[int, str] | None:
    """Exit code and sentence for an error that a user can cause and mend; None for any other, which is our fault."""
    error = first_of(error)
    if isinstance(error, NoProxyError):
        return NOTHING_FOUND, str(error)
    if isinstance(error, StoreLockedError):
        return TAKEN, str(error)
    if isinstance(error, NoJudgeError):
        return NOTHING_REACHABLE, str(error)
    if isinstance(error, ConfigError | InvalidQueryError):
        return WRONG_USE, str(error)
    if isinstance(error, ShoalError):
        return _code_of(error.__cause__), str(error)
    if isinstance(error, OSError) and error.errno is not None:
        what = f"{error.filename}: " if error.filename else ""
        return _code_of(error), f"{what}{(error.strerror or str(error)).lower()}"
    return None


def first_of(error: BaseException) -> BaseException:
    """The error a group holds: one that we can explain, if there is any."""
    while isinstance(error, BaseExceptionGroup):
        known = error.subgroup((ShoalError, OSError))
        error = (known or error).exceptions[0]
    return error


def _code_of(cause: BaseException | None) -> int:
    return _ERRNO_WORDS.get(cause.errno or 0, WRONG_USE) if isinstance(cause, OSError) else WRONG_USE
