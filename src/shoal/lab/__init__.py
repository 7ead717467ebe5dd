"""The simulated internet: thousands of good, dying, lying and slow proxies on loopback, and the truth about them."""

from __future__ import annotations

from shoal.lab.lab import Lab, serve
from shoal.lab.population import LabProxy, build
from shoal.lab.presets import FailureKind, Life, Preset, Tampering
from shoal.lab.timeline import Timeline
from shoal.lab.truth import Truth

__all__ = ["FailureKind", "Lab", "LabProxy", "Life", "Preset", "Tampering", "Timeline", "Truth", "build", "serve"]
