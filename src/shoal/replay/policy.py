"""What a replay asks of a policy, the product's or a rival's. None of them sees the trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Rules(NamedTuple):
    """What the replay allows. ``budget`` checks and ``serve`` picks a step, no proxy above ``max_share`` of the picks.

    ``dead`` candidates that never work are known from the start. ``feedback`` tells the policy what became of its
    picks. The first ``warmup`` steps are played but not scored."""

    budget: int = 1000
    serve: int = 200
    max_share: float = 0.02
    warmup: int = 96
    dead: int = 0
    feedback: bool = False
    seed: int = 1

    @property
    def most(self) -> int:
        """Picks of one step that one proxy may get."""
        return max(1, int(self.max_share * self.serve + 1e-9))


class Served(NamedTuple):
    """One pick: which proxy, and the probability forecast for it (None where the policy has no notion of it)."""

    proxy: int
    forecast: float | None = None


class Policy(Protocol):
    """Proxies are numbers; times are epoch seconds of the trace. ``step`` is the usual time between snapshots."""

    def add(self, proxies: Sequence[int], now: float) -> None:
        """Newly listed proxies become known."""
        ...

    def checks(self, limit: int, now: float) -> list[int]:
        """Which known proxies to check now, each at most once."""
        ...

    def learn(self, results: Sequence[tuple[int, bool]], now: float) -> None:
        """What the checks (or, with feedback, the picks) showed at ``now``."""
        ...

    def serve(self, count: int, most: int, now: float, step: float) -> list[Served]:
        """Up to ``count`` picks, none more than ``most`` times, for use up to ``step`` seconds from ``now``."""
        ...
