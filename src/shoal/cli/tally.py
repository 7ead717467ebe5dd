"""What a run of `shoal check` came to, counted as results arrive and told at the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shoal.cli.words import counted, failure_words, plural, refusal_words, top

if TYPE_CHECKING:
    from shoal.cli.results import Checked
    from shoal.domain import Refused


class Tally:
    """Counters; ``read`` is everything that came out of the lists."""

    def __init__(self) -> None:
        self.read = 0
        self.checked = 0
        self.working = 0
        self.refused: Counter[str] = Counter()
        self.schemes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.dangerous: Counter[str] = Counter()

    def refuse(self, reason: Refused) -> None:
        self.read += 1
        self.refused[reason.value] += 1

    def count(self, entry: Checked) -> None:
        self.read += 1
        self.checked += 1
        result = entry.result
        assert result is not None
        if result.works:
            self.working += 1
            self.schemes.update(scheme.value for scheme in result.schemes)
            if result.honesty.is_dangerous:
                self.dangerous[result.honesty.value] += 1
        elif result.failure is not None:
            self.failures[result.failure.kind] += 1

    def lines(self, seconds: float) -> list[str]:
        """The summary for people."""
        told = [f"read {plural(self.read, 'entry', 'entries')}"]
        if self.refused:
            reasons = [(refusal_words(reason), count) for reason, count in top(self.refused, 20)]
            told[0] += f"; not checked {sum(self.refused.values()):,} ({counted(reasons)})"
        schemes = f" ({counted(top(self.schemes, 5))})" if self.schemes else ""
        told.append(f"checked {self.checked:,} in {seconds:.1f} s: {self.working:,} work{schemes}")
        if self.dangerous:
            told.append(f"of these not to be trusted: {counted(top(self.dangerous, 5))}")
        if self.failures:
            kinds = [(failure_words(kind), count) for kind, count in top(self.failures, 8)]
            told.append(f"failed: {counted(kinds)}")
        return told
