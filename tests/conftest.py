"""For all tests."""

from __future__ import annotations

import os
import sys

from hypothesis import HealthCheck, settings

# Machines of CI are slow and shared: how long an example takes there says nothing of us.
settings.register_profile("shoal", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shoal")

# Hundreds of tests start a process; those that compile every module again take four times as long to start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
