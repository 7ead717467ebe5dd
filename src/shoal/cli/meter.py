"""How far a run of `shoal check` is: a bar on a terminal, a line every ten seconds otherwise."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Final

from shoal.cli.exits import say
from shoal.cli.words import span

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from shoal.cli.tally import Tally

_BAR_INTERVAL: Final = 0.25
_LINE_INTERVAL: Final = 10.0


class Pace:
    """Entries per second over the last half minute: dead hosts come in waves, which look like stops from nearby."""

    def __init__(self, window: float = 30.0) -> None:
        self._window = window
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, done: int) -> None:
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] <= now - self._window:
            self._seen.popleft()

    @property
    def rate(self) -> float:
        """0 until two looks were taken."""
        if len(self._seen) < 2:
            return 0.0
        (first_at, first), (last_at, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else 0.0


class Meter:
    """Shown on standard error, so that standard output holds nothing but proxies."""

    def __init__(self, total: int, tally: Tally) -> None:
        self._total = total
        self._pace = Pace()
        self._tally = tally
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._shown_at = time.monotonic()
        self._pace.note(self._shown_at, 0)

    def __enter__(self) -> Meter:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("checking"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}/s"),
                TextColumn("{task.fields[working]} work"),
                TimeRemainingColumn(),
                console=Console(file=sys.stderr, highlight=False),
                refresh_per_second=4,
                transient=True,
                # Working proxies go to standard output as they are found, past the bar.
                redirect_stdout=sys.stdout.isatty(),
                redirect_stderr=True,
            )
            self._task = self._progress.add_task("", total=self._total or None, working=0, rate="-")
            self._progress.start()
        return self

    def update(self) -> bool:
        """Call after every result; True when something was shown."""
        now = time.monotonic()
        if now - self._shown_at < (_BAR_INTERVAL if self._progress else _LINE_INTERVAL):
            return False
        self._shown_at = now
        tally = self._tally
        self._pace.note(now, tally.read)
        rate = self._pace.rate
        if self._progress is not None and self._task is not None:
            # A total guessed by lines may be below the truth.
            total = max(self._total, tally.read) or None
            self._progress.update(
                self._task, completed=tally.read, total=total, working=tally.working, rate=f"{rate:.0f}"
            )
        else:
            left = max(0, self._total - tally.read)
            more = f", {rate:.0f}/s, {span(left / rate)} left" if rate and left else ""
            say(f"{tally.read:,} of {max(self._total, tally.read):,} done, {tally.working:,} work{more}")
        return True

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
