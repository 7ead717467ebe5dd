"""Exceptions to failures: total, printable, and never a secret."""

from __future__ import annotations

import errno
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Reason, Refused, Stage
from shoal.ports import ResolveError
from shoal.upstream import failure_from, printable, status_failure, timeout_failure
from shoal.wire import Refusal, RemoteProtocolError


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, Reason.REFUSED),
        (errno.ECONNRESET, Reason.RESET),
        (errno.EPIPE, Reason.RESET),
        (errno.ETIMEDOUT, Reason.TIMEOUT),
        (errno.EHOSTUNREACH, Reason.UNREACHABLE),
        (errno.ENETUNREACH, Reason.UNREACHABLE),
        (errno.EMFILE, Reason.LOCAL_LIMIT),
        (errno.ENFILE, Reason.LOCAL_LIMIT),
        (errno.ENOBUFS, Reason.LOCAL_LIMIT),
        (errno.ENOMEM, Reason.LOCAL_LIMIT),
        (errno.EADDRNOTAVAIL, Reason.LOCAL_LIMIT),
        (errno.EPERM, Reason.DENIED),
    ],
)
def test_errno_names_the_reason(number, reason):
    failure = failure_from(OSError(number, "text with 192.0.2.1"), Stage.CONNECT)
    assert (failure.stage, failure.reason) == (Stage.CONNECT, reason)
    assert "192.0.2.1" not in failure.detail


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_has_a_failure_at_every_stage(stage, refusal):
    assert failure_from(RemoteProtocolError(refusal, "words"), stage).detail == "words"


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(), EOFError(), OSError(), OSError(9999, "?"), ssl.SSLError(1, "x"), ssl.SSLEOFError(8, "x"),
        ssl.SSLCertVerificationError(1, "x"), RuntimeError("boom"), ConnectionResetError(), ValueError(),
    ],
)  # fmt: skip
def test_the_map_is_total(stage, error):
    failure = failure_from(error, stage)
    assert failure.stage is stage
    assert failure.detail.isprintable()


def test_certificates_ends_and_names_have_their_own_reasons():
    assert failure_from(ssl.SSLCertVerificationError(1, "x"), Stage.TARGET_TLS).reason is Reason.CERT
    assert failure_from(ssl.SSLEOFError(8, "x"), Stage.PROXY_TLS).reason is Reason.EOF
    assert failure_from(ResolveError("no such name"), Stage.CONNECT).kind == "resolve.unreachable"
    assert failure_from(ResolveError("inside", Refused.PRIVATE), Stage.CONNECT).kind == "resolve.denied"


@pytest.mark.parametrize("stage", list(Stage))
def test_a_timeout_is_said_in_words(stage):
    assert timeout_failure(stage).detail


@pytest.mark.parametrize(
    ("status", "kind"),
    [(407, "handshake.auth"), (403, "receive.denied"), (502, "receive.bad_status"), (302, "receive.bad_status")],
)
def test_statuses_of_forwarded_requests(status, kind):
    failure = status_failure(status, "Words\x1b[31m")
    assert failure.kind == kind
    assert "\x1b" not in failure.detail


@given(st.text(max_size=2000), st.integers(4, 200))
def test_details_are_one_bounded_printable_line(text, limit):
    line = printable(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
