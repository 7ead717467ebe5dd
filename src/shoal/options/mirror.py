"""A copy of the pool for scripts that read a proxy_pool's Redis."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.options.units import Seconds


class MirrorOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The hash of jhao104/proxy_pool, kept up for scripts that read it straight from Redis."""

    url: Annotated[
        str | None, Meta(description="redis://HOST:PORT/DB of a Redis or Valkey server; default: no mirror is kept.")
    ] = None
    table: Annotated[
        str,
        Meta(min_length=1, description="Name of the hash, proxy_pool's TABLE_NAME. It belongs to the mirror alone."),
    ] = "use_proxy"
    password: Annotated[str | None, Meta(description="Password of a server whose URL holds none.")] = None
    interval: Annotated[
        Seconds, Meta(gt=0, description="Changes are written this often (seconds); less often where the pool is large.")
    ] = 5.0
