"""Pacing: how long to wait so that a rate holds. No clock of its own."""

from __future__ import annotations

_WHOLE = 1.0 - 1e-9
"""What counts as a token: sleeping exactly as long as told may leave a rounding error less than one."""


class TokenBucket:
    """``rate`` tokens a second, at most ``burst`` saved up. Times are any steadily growing seconds."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._tokens = self._burst
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Take one token and return 0, or return the seconds until one is there without taking it."""
        if self._at is not None and now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now if self._at is None else max(self._at, now)
        if self._tokens >= _WHOLE:
            self._tokens = max(0.0, self._tokens - 1.0)
            return 0.0
        return (1.0 - self._tokens) / self._rate

    def owe(self, tokens: int) -> None:
        """Tokens that were taken elsewhere. The debt is bounded by the burst, so that it is worked off in its time."""
        self._tokens = max(-self._burst, self._tokens - tokens)
