"""One judge at the panel: what is known of it right now, and the requests that are made for it once."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shoal.domain import Failure
from shoal.policy.verdict import OwnAddresses
from shoal.ports import JudgeStatus
from shoal.probe.dialects import Template, document_template, nonce_template
from shoal.probe.judges import Judge, JudgeKind

HEALTH_STEP: Final = 0.2
"""Weight of the newest answer: after one failure seven right answers in a row make it whole again."""
LEAST_HEALTH: Final = 0.05
"""Whoever answers at all is asked now and then, else it could never show that it is well again."""
FULL_HEALTH: Final = 0.95
"""From here on a judge is as good as any: equals share evenly."""


class Reference(Struct, frozen=True, gc=False):
    """A page as it is without a proxy in between."""

    path: str
    body: bytes


class Seat:
    """Mutable state of one judge. Only ``JudgePanel`` writes it, except that the prober notes a right answer in
    ``proven`` (seconds of the loop's clock): proof that judge and network were well then."""

    __slots__ = (
        "_templates", "addresses", "baseline", "checked_at", "checked_loop", "documents", "documents_at", "error",
        "failure", "health", "judge", "kept", "latency", "ok", "own_seen", "plain_answer", "proven", "reference",
        "signs", "strange", "tokens", "tokens_at", "turns", "well_since",
    )  # fmt: skip

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.ok = False
        # Of one that was not asked yet nothing is to be told: a start is no outage.
        self.error: str | None = None
        self.failure: Failure | None = None
        self.latency = 0.0
        self.checked_at = 0.0
        self.checked_loop = float("-inf")
        self.proven = float("-inf")
        self.well_since = float("-inf")
        """When it answered rightly for the first time since it last did not (the loop's clock)."""
        self.addresses: tuple[str, ...] = ()
        self.baseline: frozenset[str] = frozenset()
        self.own_seen: str | None = None
        self.documents = False
        """Its fixed documents came to us as they should, when they were asked for directly."""
        self.signs = False
        """With a right signature, too."""
        self.reference: Reference | None = None
        """A page of a foreign judge that was the same twice in a row when asked for directly."""
        self.kept: tuple[str, ...] = ()
        """Request fields that reach a foreign judge as they were sent."""
        self.plain_answer = b""
        self.strange: bytes | None = None
        """The certificate (DER) that it shows us under another server's name."""
        self.documents_at = float("-inf")
        self.health = 1.0
        """Share of right answers to direct requests, the latest counting most: how often it is picked beside others."""
        self.turns = 0.0
        """What it is owed of the picks."""
        self.tokens = 0.0
        self.tokens_at = 0.0
        self._templates: dict[tuple[str, bool, bool], Template] = {}

    def template(self, document: str, forward: bool, keep: bool = False) -> Template:
        """The encoded request for a fixed document, or with "" for the echo; made at its first use. With ``keep`` it
        asks that the connection stays open."""
        found = self._templates.get((document, forward, keep))
        if found is None:
            if document:
                found = document_template(self.judge, document, forward=forward, keep=keep)
            else:
                found = nonce_template(self.judge, forward=forward)
            self._templates[document, forward, keep] = found
        return found

    def become(self, kind: JudgeKind) -> None:
        """Calibration has shown what it really is."""
        if kind != self.judge.kind:
            self.judge = replace(self.judge, kind=kind)
            self._templates.clear()

    def answered(self, failure: Failure | None, at: float, loop_at: float) -> None:
        """Take in the outcome of a direct request that ended ``at`` (seconds since the epoch), ``loop_at`` by the
        loop's clock. One that failed is not picked until it answers rightly again; its health then says how soon it
        gets its whole share back."""
        right = failure is None
        self.checked_at, self.checked_loop = at, loop_at
        if right and not self.ok:
            self.well_since = loop_at
        self.ok = right
        self.failure = failure
        self.error = (
            None if failure is None else f"{failure.kind}: {failure.detail}" if failure.detail else failure.kind
        )
        self.health += HEALTH_STEP * ((1.0 if right else 0.0) - self.health)
        self.health = min(1.0, max(LEAST_HEALTH, self.health)) if self.health < FULL_HEALTH else 1.0

    @property
    def carries_nonce(self) -> bool:
        return self.judge.kind != "plain"

    @property
    def has_documents(self) -> bool:
        return self.documents or self.reference is not None

    def status(self) -> JudgeStatus:
        judge = self.judge
        return JudgeStatus(
            judge.url, judge.kind, judge.own, self.ok, self.error, self.latency, self.checked_at, round(self.health, 3)
        )


def in_turn(seats: tuple[Seat, ...]) -> Seat:
    """Smooth weighted round-robin: equals alternate, and one of half the health gets half the picks."""
    whole = 0.0
    best = seats[0]
    for seat in seats:
        seat.turns += seat.health
        whole += seat.health
        if seat.turns > best.turns:
            best = seat
    best.turns -= whole
    return best


NOBODY = OwnAddresses()
"""Before any judge has told us who we are."""
