"""Targets: sites that matter to the user."""

from __future__ import annotations

from msgspec import Struct


class Target(Struct, frozen=True, gc=False):
    """One site that matters. ``path`` is what is asked for there; ``statuses`` empty means 200 to 399."""

    name: str
    url: str
    host: str
    port: int
    tls: bool
    path: str
    statuses: tuple[int, ...]
    regex: str | None
    not_regex: str | None
    interval: float
    cool_down: float
    max_cool_down: float
    rate: float
    user_agent: str = ""
    captcha: tuple[str, ...] = ()
    from_file: bool = False

    @property
    def authority(self) -> str:
        """Host and port as a Host header writes them."""
        return authority_of(self.host, self.port, self.tls)


def authority_of(host: str, port: int, tls: bool) -> str:
    """As ``Target.authority``."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port == (443 if tls else 80) else f"{shown}:{port}"
