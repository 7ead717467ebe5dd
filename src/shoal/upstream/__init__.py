"""How to reach a target through a proxy, sans-IO, and the only map from exception to Failure."""

from __future__ import annotations

from shoal.upstream.failures import (
    CONNECTION_CLOSED,
    eof_failure,
    failure_from,
    own_page_failure,
    printable,
    status_failure,
    timeout_failure,
)
from shoal.upstream.plan import Mode, Target, UpstreamPlan, make_handshake, needs_plan
from shoal.upstream.tls import TlsContexts, TlsLayer, make_contexts

__all__ = [
    "CONNECTION_CLOSED",
    "Mode",
    "Target",
    "TlsContexts",
    "TlsLayer",
    "UpstreamPlan",
    "eof_failure",
    "failure_from",
    "make_contexts",
    "make_handshake",
    "needs_plan",
    "own_page_failure",
    "printable",
    "status_failure",
    "timeout_failure",
]
