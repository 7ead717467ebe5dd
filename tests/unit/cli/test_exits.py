"""Errors become an exit code and a sentence; faults of ours stay tracebacks."""

import errno

import pytest

from shoal.cli.exits import explain, say
from shoal.errors import (
    ConfigError,
    InvalidQueryError,
    NoJudgeError,
    NoProxyError,
    ShoalError,
    StoreError,
    StoreLockedError,
)


def caused(by: OSError) -> ShoalError:
    error = ShoalError("told")
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoProxyError("none fits"), 1),
        (ConfigError("wrong", "also wrong"), 2),
        (InvalidQueryError("scheme", "no such scheme"), 2),
        (StoreError("cannot be opened"), 2),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), 2),
        (StoreLockedError("in use"), 3),
        (caused(OSError(errno.EADDRINUSE, "in use")), 3),
        (OSError(errno.EADDRINUSE, "in use"), 3),
        (NoJudgeError("no judge"), 4),
        (ExceptionGroup("", [ExceptionGroup("", [ValueError(), NoJudgeError("no judge")])]), 4),
    ],
)
def test_errors_that_a_user_can_mend_have_an_exit_code(error: BaseException, code: int) -> None:
    told = explain(error)
    assert told is not None and told[0] == code and told[1]


@pytest.mark.parametrize("error", [ValueError("x"), ExceptionGroup("", [KeyError("x")]), AssertionError()])
def test_our_own_faults_are_not_explained_away(error: BaseException) -> None:
    assert explain(error) is None


def test_a_file_error_names_the_file() -> None:
    assert explain(PermissionError(errno.EACCES, "Permission denied", "/x/y")) == (2, "/x/y: permission denied")


def test_what_is_said_is_one_line_that_no_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nb\x1b[31m")
    assert capsys.readouterr().err == "shoal: a?b?[31m\n"
