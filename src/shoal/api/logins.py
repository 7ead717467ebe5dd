"""Wrong tokens: after some of them an address is not listened to for a while, whatever it shows then."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from shoal.policy.pacing import TokenBucket

_RATE: Final = 0.5
"""Wrong tokens a second that one address may go on showing."""
_BURST: Final = 20.0
"""Wrong tokens at once: a script with an old token asks a few times before somebody looks."""
_REMEMBERED: Final = 10_000
"""Addresses whose wrong tokens are counted; who was not seen for longest is forgotten first."""


class WrongTokens:
    """How often each address showed a token that is none. Times are epoch seconds."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._shut: dict[str, float] = {}

    def wait(self, client: str | None, now: float) -> float:
        """Seconds until a token of this address is looked at again, 0 for now."""
        until = self._shut.get(client or "", 0.0)
        if until and until <= now:
            del self._shut[client or ""]
        return max(0.0, until - now)

    def count(self, client: str | None, now: float) -> None:
        """This address showed a wrong one."""
        name = client or ""
        bucket = self._buckets.pop(name, None) or TokenBucket(_RATE, _BURST)
        self._buckets[name] = bucket
        if len(self._buckets) > _REMEMBERED:
            gone, _ = self._buckets.popitem(last=False)
            self._shut.pop(gone, None)
        if (wait := bucket.take(now)) > 0.0:
            self._shut[name] = now + wait
