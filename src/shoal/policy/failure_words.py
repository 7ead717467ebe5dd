"""Failures in words: the one sentence that a person reads, the same in every command, in the API and in results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shoal.domain import Blame, Failure

_STAGES: Final = {
    "resolve": "looking up the name",
    "connect": "connecting",
    "proxy_tls": "TLS to the proxy",
    "handshake": "handshake",
    "tunnel": "opening the tunnel",
    "target_tls": "TLS through the tunnel",
    "send": "sending",
    "receive": "waiting for the answer",
    "content": "judging the answer",
}
_REASONS: Final = {
    "timeout": "timed out",
    "refused": "refused",
    "reset": "reset",
    "unreachable": "unreachable",
    "eof": "closed early",
    "malformed": "not what was asked",
    "auth": "wants a password, or another one",
    "denied": "denied",
    "bad_status": "error status",
    "cert": "wrong certificate",
    "mismatch": "not the judge's",
    "local_limit": "limit of this machine",
}


def failure_words(kind: str) -> str:
    """``connect.timeout`` as people say it."""
    stage, _, reason = kind.partition(".")
    return f"{_STAGES.get(stage, stage)}: {_REASONS.get(reason, reason)}"


_BLAMES: Final = {
    "target": "the judge's fault, not the proxy's",
    "local": "this machine's fault, not the proxy's",
    "unknown": "nobody can tell whose fault",
}


def why(failure: Failure | None, blame: Blame | None) -> str:
    """The sentence for one failed check."""
    if failure is None:
        return "it did not work, and nobody knows why"
    detail = f" ({failure.detail})" if failure.detail else ""
    fault = _BLAMES.get(blame.value) if blame is not None else None
    return f"{failure_words(failure.kind)}{detail}{f'; {fault}' if fault else ''}"
