"""One judge at the panel: what is known of it right now, and the requests that are made for it once."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from shoal.domain import Failure
from shoal.policy.verdict import OwnAddresses
from shoal.ports import JudgeStatus
from shoal.probe.dialects import Template, document_template, nonce_template
from shoal.probe.judges import Judge, JudgeKind


class Reference(Struct, frozen=True, gc=False):
    """A page as it is without a proxy in between."""

    path: str
    body: bytes


class Seat:
    """Mutable state of one judge. Only ``JudgePanel`` writes it, except that the prober notes a right answer in
    ``proven`` (seconds of the loop's clock): proof that judge and network were well then."""

    __slots__ = (
        "_templates", "addresses", "baseline", "checked_at", "checked_loop", "documents", "documents_at", "error",
        "failure", "judge", "kept", "latency", "ok", "own_seen", "plain_answer", "proven", "reference", "signs",
        "strange", "tokens", "tokens_at",
    )  # fmt: skip

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.ok = False
        self.error: str | None = "not asked yet"
        self.failure: Failure | None = None
        self.latency = 0.0
        self.checked_at = 0.0
        self.checked_loop = float("-inf")
        self.proven = float("-inf")
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

    @property
    def carries_nonce(self) -> bool:
        return self.judge.kind != "plain"

    @property
    def has_documents(self) -> bool:
        return self.documents or self.reference is not None

    def status(self) -> JudgeStatus:
        judge = self.judge
        return JudgeStatus(judge.url, judge.kind, judge.own, self.ok, self.error, self.latency, self.checked_at)


NOBODY = OwnAddresses()
"""Before any judge has told us who we are."""
