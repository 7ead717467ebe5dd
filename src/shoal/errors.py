"""Exceptions that a caller may catch. Each derives from the nearest builtin; nothing else is raised on purpose."""

from __future__ import annotations

from typing import Literal


class ShoalError(Exception):
    """Base of the errors that a user can cause and mend: the text is one sentence that says what to do."""


class ConfigError(ShoalError, ValueError):
    """A setting is missing or wrong. ``problems`` holds every one of them, not just the first."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class InvalidProxyError(ShoalError, ValueError):
    """A text does not name a proxy. ``reason`` is one of the refusal reasons of ``shoal.domain.refusal``."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class InvalidQueryError(ShoalError, ValueError):
    """A filter, order or limit of a query is not understood. ``field`` names the parameter at fault."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class RefusedTargetError(ShoalError, ValueError):
    """A site cannot be a target: its address, or what is expected of it."""


class StoreError(ShoalError, OSError):
    """The store cannot be opened, read or written."""


class StoreLockedError(StoreError):
    """Another process already works on this data folder."""


class NoProxyError(ShoalError, LookupError):
    """No proxy in the pool fits the request."""


class NoJudgeError(ShoalError, ConnectionError):
    """No judge answers a direct request, so nothing can be checked."""


class SourceChangeError(ShoalError, ValueError):
    """A source cannot be added, switched or removed. ``reason`` is ``unknown``, ``read_only`` or ``taken``."""

    def __init__(self, reason: Literal["unknown", "read_only", "taken"], message: str) -> None:
        self.reason = reason
        super().__init__(message)
