"""One check of one proxy: judges, the sans-IO conversation, and the one Protocol that drives it."""

from __future__ import annotations

from shoal.probe.judges import PUBLIC_JUDGES, Judge, JudgeKind, parse_judge, public_judges
from shoal.probe.panel import JudgePanel
from shoal.probe.prober import NetProber

__all__ = ["PUBLIC_JUDGES", "Judge", "JudgeKind", "JudgePanel", "NetProber", "parse_judge", "public_judges"]
