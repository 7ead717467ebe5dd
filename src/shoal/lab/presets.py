"""Shares of the simulated internet. Figures: measured list histories where there are any, else assumptions (marked A).

Editing rule: the shares of one table add up to 1; a test holds that.
"""

from __future__ import annotations

from enum import StrEnum
from math import inf
from typing import Final

from msgspec import Struct


class Preset(StrEnum):
    """Which population to build."""

    RAW = "raw"
    """An unchecked public list: about 1.3 % work at any moment."""
    CURATED = "curated"
    """A list that somebody else checks: about 6.5 % work."""
    OWN = "own"
    """Proxies that somebody pays for: about 88 % work, nearly all want a password."""
    FLOOD = "flood"
    """``raw``, and after one hour a flood of SOCKS5 endpoints on 20 hosts with four exits."""
    MIXED = "mixed"
    """The benchmarks' population: 90 % dead, 30 % of these black holes, the rest always up."""
    ALIVE = "alive"
    """Everything up, honest and fast: for measuring processor time."""


class Life(StrEnum):
    """How a proxy's availability goes. See the design page: most are biased coins, few are lamps."""

    DEAD = "dead"
    FLAPPER = "flapper"
    SESSION = "session"
    UNSTEADY = "unsteady"
    STABLE = "stable"


class FailureKind(StrEnum):
    """What a client meets instead of a relay."""

    REFUSE = "refuse"
    BLACKHOLE = "blackhole"
    """The SYN is dropped: no answer of any kind."""
    ACCEPT_CLOSE = "accept_close"
    RESET = "reset"
    STALL = "stall"
    """Accepts, reads, never answers."""
    DRIP = "drip"
    """One byte a second."""
    STATUS_403 = "status_403"
    STATUS_407 = "status_407"
    STATUS_502 = "status_502"
    WEB = "web"
    """An ordinary web server: 400 or 404 to everything."""
    CAPTIVE = "captive"
    """A page with status 200 whatever was asked."""
    WRONG_PROTOCOL = "wrong_protocol"
    """The banner of some other service."""


class Tampering(StrEnum):
    """What is done to plain-HTTP content."""

    INJECT = "inject"
    REWRITE = "rewrite"
    RECOMPRESS = "recompress"
    REDIRECT = "redirect"


class Shares(Struct, frozen=True):
    """One preset: ``life`` and ``dead_kinds`` are shares; ``mean_up``, ``mean_down`` of phases come with the class."""

    life: dict[Life, float]
    dead_kinds: dict[FailureKind, float]
    with_password: float = 0.0
    misbehaving: float = 1.0
    """Factor on the shares of tampering, intercepting, faking and mislabelled ones."""
    always_up: bool = False
    """Live ones never go down: no chance in a benchmark's result."""
    born_later: float = 0.1
    """Share born after the start, at 4 % of the population a day."""


class Phases(Struct, frozen=True, gc=False):
    """Up and down runs are exponential with these means in seconds of lab time; ``success`` holds per attempt."""

    mean_up: float
    mean_down: float
    success: float


HOUR: Final = 3600.0
DAY: Final = 86400.0

PHASES: Final = {
    Life.SESSION: Phases(8 * HOUR, 80 * HOUR, 0.97),
    Life.UNSTEADY: Phases(1.5 * HOUR, 2.5 * HOUR, 0.95),
    Life.STABLE: Phases(60 * HOUR, 2.5 * HOUR, 0.99),
}
ALWAYS: Final = Phases(inf, 0.0, 1.0)

K = FailureKind

# (A) Unreachable networks (4 %) cannot be had on loopback and count as refused.
_DEAD: Final = {
    K.BLACKHOLE: 0.62, K.REFUSE: 0.22, K.ACCEPT_CLOSE: 0.03, K.RESET: 0.02, K.STALL: 0.03, K.DRIP: 0.01,
    K.WRONG_PROTOCOL: 0.03, K.WEB: 0.015, K.STATUS_403: 0.007, K.STATUS_407: 0.008, K.STATUS_502: 0.005,
    K.CAPTIVE: 0.005,
}  # fmt: skip
_DEAD_MIXED: Final = {
    K.BLACKHOLE: 0.30, K.REFUSE: 0.41, K.ACCEPT_CLOSE: 0.06, K.RESET: 0.04, K.STALL: 0.05, K.DRIP: 0.02,
    K.WRONG_PROTOCOL: 0.05, K.WEB: 0.025, K.STATUS_403: 0.012, K.STATUS_407: 0.013, K.STATUS_502: 0.01,
    K.CAPTIVE: 0.01,
}  # fmt: skip

FAILING: Final = {
    K.STALL: 0.51, K.RESET: 0.14, K.ACCEPT_CLOSE: 0.10, K.DRIP: 0.09, K.WRONG_PROTOCOL: 0.01, K.STATUS_403: 0.03,
    K.STATUS_407: 0.01, K.STATUS_502: 0.11,
}  # fmt: skip
"""How a proxy fails that works at other times (A). Its port has a listener, so what would be a black hole (25 %)
stalls after the connect, and what would be refused (6 %) is reset; both still end at the same time."""

_RAW_LIFE: Final = {
    Life.DEAD: 0.85, Life.FLAPPER: 0.115, Life.SESSION: 0.02, Life.UNSTEADY: 0.01, Life.STABLE: 0.005,
}  # fmt: skip

PRESETS: Final = {
    Preset.RAW: Shares(_RAW_LIFE, _DEAD, with_password=0.005),
    Preset.FLOOD: Shares(_RAW_LIFE, _DEAD, with_password=0.005),
    Preset.CURATED: Shares(
        {Life.DEAD: 0.55, Life.FLAPPER: 0.30, Life.SESSION: 0.06, Life.UNSTEADY: 0.06, Life.STABLE: 0.03}, _DEAD
    ),
    Preset.OWN: Shares(
        {Life.DEAD: 0.02, Life.FLAPPER: 0.0, Life.SESSION: 0.03, Life.UNSTEADY: 0.05, Life.STABLE: 0.90},
        _DEAD,
        with_password=0.9,
        misbehaving=0.0,
        born_later=0.0,
    ),
    Preset.MIXED: Shares({Life.DEAD: 0.9, Life.STABLE: 0.1}, _DEAD_MIXED, always_up=True, born_later=0.0),
    Preset.ALIVE: Shares({Life.STABLE: 1.0}, _DEAD, misbehaving=0.0, always_up=True, born_later=0.0),
}

TAMPERING: Final = {
    Tampering.INJECT: 0.05, Tampering.REWRITE: 0.055, Tampering.RECOMPRESS: 0.035, Tampering.REDIRECT: 0.01,
}  # fmt: skip
"""Of working HTTP proxies. 15 % in all: 38 % in one study of 2018, 8 % in one of 2024."""
SOMETIMES: Final = 0.33
"""Share of tamperers that do it to one answer in ten only (A)."""
INTERCEPTS: Final = 0.01
FAKES: Final = 0.01
NO_CONNECT: Final = 0.58
MISLABELLED: Final = 0.05
TWO_SCHEMES: Final = 0.04
EXIT_ELSEWHERE: Final = 0.30
EXIT_SHARED: Final = 0.15
EXIT_ROTATES: Final = 0.07
