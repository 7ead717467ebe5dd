"""Units that settings are written in. Anything that is not seconds carries its unit in its name."""

from __future__ import annotations

Seconds = float
