"""What one document yielded: candidates once each, and a count of what was refused."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from shoal.domain import Candidate, Credentials, Refused, Scheme
from shoal.sources.extract.entry import Reading


class Extraction(Struct):
    """A document read. ``refused`` counts by the values of ``Refused``; ``form`` is what the document turned out to be:
    ``text``, ``json``, ``jsonl``, ``csv``, ``html``, ``xml``, ``clash``, ``pac``, ``sql``."""

    candidates: list[Candidate] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    form: str = "text"


class _Key(Struct, frozen=True, gc=False):
    """What makes two entries one. Not a tuple: a million of those keep the garbage collector busy."""

    host: str
    port: int
    scheme: Scheme | None
    credentials: Credentials | None


class Collector:
    """Gathers readings in document order; an entry that came before counts as refused for ``duplicate``."""

    __slots__ = ("_seen", "candidates", "refused")

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []
        self.refused: dict[str, int] = {}
        self._seen: set[_Key] = set()

    def add(self, candidate: Candidate) -> None:
        endpoint = candidate.endpoint
        key = _Key(endpoint.host, endpoint.port, candidate.scheme, candidate.credentials)
        if key in self._seen:
            self.refuse(Refused.DUPLICATE)
        else:
            self._seen.add(key)
            self.candidates.append(candidate)

    def refuse(self, reason: Refused) -> None:
        self.refused[reason.value] = self.refused.get(reason.value, 0) + 1

    def take(self, readings: Iterable[Reading]) -> None:
        """Keep each reading."""
        add = self.add
        for reading in readings:
            if isinstance(reading, Candidate):
                add(reading)
            elif reading is not None:
                self.refuse(reading)
