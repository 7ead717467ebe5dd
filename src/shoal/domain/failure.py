"""Failures as values: at which stage, for what reason, and who is to blame."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Stage(StrEnum):
    """How far an attempt came; in this order."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    PROXY_TLS = "proxy_tls"
    HANDSHAKE = "handshake"
    """SOCKS greeting and authentication, or the proxy's own answer to CONNECT about itself (407)."""
    TUNNEL = "tunnel"
    """The proxy's answer to 'reach that target'."""
    TARGET_TLS = "target_tls"
    SEND = "send"
    RECEIVE = "receive"
    CONTENT = "content"


class Reason(StrEnum):
    """What happened at that stage."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    EOF = "eof"
    MALFORMED = "malformed"
    AUTH = "auth"
    DENIED = "denied"
    BAD_STATUS = "bad_status"
    CERT = "cert"
    MISMATCH = "mismatch"
    LOCAL_LIMIT = "local_limit"


class Blame(StrEnum):
    """Whose fault, derived from stage and reason by ``policy.attribution``."""

    PROXY = "proxy"
    TARGET = "target"
    LOCAL = "local"
    UNKNOWN = "unknown"


class Failure(Struct, frozen=True, gc=False):
    """Why an attempt failed. ``detail`` is for people: short, printable, never holding a secret."""

    stage: Stage
    reason: Reason
    detail: str = ""

    @property
    def kind(self) -> str:
        """``stage.reason``, the label under which failures are counted."""
        return f"{self.stage.value}.{self.reason.value}"
