"""What a look at a source showed, in sentences: the same on the command line and in the API."""

from __future__ import annotations

from shoal.domain.refusal import REFUSAL_WORDS
from shoal.domain.source import SourceTrial

_REASONS = 20


def told(trial: SourceTrial) -> list[str]:
    """One line for each thing that a user should know; entries come indented."""
    lines = [f"{trial.name}  (reads {trial.contacts})"]
    if trial.error is not None:
        return [*lines, f"  not read: {trial.error}"]
    lines.append(f"  fetched {trial.fetched_bytes:,} bytes of {trial.form or 'nothing'} in {trial.seconds:.1f} s")
    lines.append(f"  found {trial.found:,}")
    if trial.refused:
        by_count = sorted(trial.refused.items(), key=lambda item: (-item[1], item[0]))[:_REASONS]
        reasons = ", ".join(f"{REFUSAL_WORDS.get(reason, reason)} {count:,}" for reason, count in by_count if count)
        lines.append(f"  refused {sum(trial.refused.values()):,} ({reasons})")
    return lines + [f"    {entry}" for entry in trial.first]
