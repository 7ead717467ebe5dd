"""File descriptors: as many as the machine allows, and never more in flight than fit."""

from __future__ import annotations

import sys
from typing import Final

from shoal.errors import ConfigError

LEAST: Final = 40
"""Descriptors without which nothing starts: an idle pool holds some 25, and opens a few for each file that it reads."""
_RESERVE = 128
"""Descriptors kept for listeners, stores, logs and sources."""
_SHARE = 0.8
"""Share of the rest that checks may use: clients of API and gateway need some, too."""


def raise_limit() -> int:
    """Raise the soft limit to the hard one; the number of descriptors this process may hold now."""
    if sys.platform == "win32":
        # The select loop's own bound on this platform.
        return 512
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS reports "unlimited" but refuses more than this.
    wanted = 10_240 if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return max(wanted, soft if soft != resource.RLIM_INFINITY else wanted)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted


def need_descriptors() -> int:
    """As ``raise_limit``. Raises ConfigError where that is too few for anything: whoever met the limit later would
    blame some file that could not be opened."""
    limit = raise_limit()
    if limit < LEAST:
        raise ConfigError(
            f"the limit on open files is too low: this process may hold {limit}, nothing works with fewer than {LEAST} "
            "and checks want some thousands; raise it (`ulimit -n 4096`; in systemd LimitNOFILE=, for a container "
            "--ulimit nofile=4096)"
        )
    return limit


def fitting_concurrency(wanted: int, limit: int) -> int:
    """The most checks in flight that ``limit`` descriptors allow, at least one, at most ``wanted``."""
    return max(1, min(wanted, int((limit - _RESERVE) * _SHARE)))
