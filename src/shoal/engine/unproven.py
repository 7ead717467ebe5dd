"""Unproven: failures of uses that our own network may have caused, until it is shown that it was well."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from shoal.domain import Blame, Observation
from shoal.policy.attribution import is_doubtful

PROOF: Final = 10.0
"""Seconds before a failure and after it within which other uses must have gone well. A gateway that is used asks the
next proxy at once; over longer a network may have gone and come back."""
MOST: Final = 3
"""Failures between two uses that went well. Picks work nine times in ten where a pool is good, so four in a row are
news of the network rather than of four proxies."""


class Unproven:
    """For a process whose gateway sees failures before it knows whether they are its own network's: its judges are
    asked every few seconds only, or not at all where it does not check itself.

    A failure that may be ours (no answer to a connect, no route) counts only where uses through other proxies went well
    shortly before and shortly after it. Otherwise it is told as our own: that blames nobody, and lets those who have
    judges check the proxy soon.
    """

    def __init__(self) -> None:
        self._worked = float("-inf")
        self._kept: list[Observation] = []
        self._many = False
        """More failed since the last that worked than can be a matter of proxies."""

    def note(self, seen: Observation) -> list[Observation]:
        """What is to be told now, oldest first."""
        if seen.works:
            told = self._all(proven=self._kept and seen.at - self._kept[0].at <= PROOF and not self._many)
            self._worked, self._many = seen.at, False
            return [*told, seen]
        if seen.blame is not Blame.PROXY or seen.failure is None or not is_doubtful(seen.failure):
            return [seen]
        if self._many or seen.at - self._worked > PROOF:
            return [_ours(seen)]
        self._kept.append(seen)
        if len(self._kept) > MOST:
            self._many = True
            return self._all(proven=False)
        return []

    def _all(self, *, proven: object) -> list[Observation]:
        kept, self._kept = self._kept, []
        return kept if proven else [_ours(seen) for seen in kept]


def _ours(seen: Observation) -> Observation:
    return replace(seen, blame=Blame.LOCAL)
