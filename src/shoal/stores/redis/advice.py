"""What a server's own settings mean for what Shoal promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shoal.errors import StoreError
from shoal.stores.redis.line import Line

_ASKED: Final = ("appendonly", "appendfsync", "maxmemory-policy")


async def advice_on(line: Line) -> tuple[str, ...]:
    """Sentences for the user. Raises ``StoreError`` when the server is not there."""
    await line.call("PING")
    settings: dict[str, str] = {}
    try:
        for name in _ASKED:
            answer = await line.call("CONFIG", "GET", name)
            pairs = answer if isinstance(answer, Mapping) else dict(zip(answer[::2], answer[1::2], strict=True))
            settings |= {key.decode(): value.decode() for key, value in pairs.items()}
    except StoreError:
        return (
            "the server does not tell its settings (CONFIG is forbidden): whether what you import is on disk when it "
            "is acknowledged depends on its appendonly and appendfsync",
        )
    return advice(settings)


def advice(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences on a server with these settings; none when all is as it should be."""
    said = []
    if settings.get("appendonly") != "yes":
        said.append(
            "the server keeps no append-only file: what was acknowledged since its last snapshot is lost when it stops "
            "hard; set `appendonly yes` and `appendfsync always`"
        )
    elif settings.get("appendfsync") != "always":
        said.append(
            f"the server writes to disk with appendfsync {settings.get('appendfsync')}: up to a second of what was "
            "acknowledged is lost in a power cut; `appendfsync always` keeps all of it"
        )
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        said.append(f"the server may throw away what it holds (maxmemory-policy {policy}); set `noeviction`")
    return tuple(said)
