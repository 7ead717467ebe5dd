"""What is handed out, where it is remembered, and where exits are."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.options.units import Seconds


class PoolOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What is handed out."""

    min_forecast: Annotated[
        float, Meta(ge=0, le=1, description="Proxies forecast below this are not handed out unless asked for.")
    ] = 0.2
    max_share: Annotated[
        float, Meta(gt=0, le=1, description="Largest share of picks that one proxy gets while others fit.")
    ] = 0.1
    max_age: Annotated[
        Seconds,
        Meta(gt=0, description="Proxies that last worked longer ago are not handed out unless asked for (seconds)."),
    ] = 3600.0
    capacity: Annotated[int, Meta(ge=1, description="Shared leases that stand on one proxy at once.")] = 8
    lease_timeout: Annotated[Seconds, Meta(gt=0, description="A lease ends by itself after this (seconds).")] = 60.0
    tombstone: Annotated[
        Seconds,
        Meta(ge=0, description="What was popped or deleted is kept out for this long (seconds); an import lifts it."),
    ] = 86_400.0
    unseen: Annotated[
        Seconds,
        Meta(
            gt=0,
            description="Public records that no source lists for this long are forgotten if they do not work either (seconds).",
        ),
    ] = 1_209_600.0


SHARED_SCHEMES = frozenset(
    {
        *("redis", "rediss", "valkey", "valkeys", "unix"),
        *("redis+sentinel", "rediss+sentinel", "valkey+sentinel", "valkeys+sentinel"),
    }
)
"""Schemes of URLs of stores that many machines may use at once."""


class StoreOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where it is remembered."""

    url: Annotated[
        str | None,
        Meta(
            description="sqlite:///PATH, redis://HOST:PORT/DB (many machines) or memory:; default: shoal.db in the data folder."
        ),
    ] = None
    data: Annotated[str | None, Meta(description="Data folder; default: the platform's.")] = None
    password: Annotated[str | None, Meta(description="Password of a Redis or Valkey server whose URL holds none.")] = (
        None
    )
    key_file: Annotated[
        str | None,
        Meta(
            description="File with the 32 bytes that passwords of proxies are sealed with; default: secret.key, made beside "
            "an SQLite store. A shared store seals only when it is named, the same on every machine."
        ),
    ] = None
    prefix: Annotated[str, Meta(description="Begins every key in a Redis or Valkey server: one for each pool.")] = (
        "shoal"
    )
    batch: Annotated[int, Meta(ge=1, le=10_000, description="Results written in one transaction at most.")] = 500
    batch_interval: Annotated[
        Seconds, Meta(gt=0, le=10, description="Longest that a result waits to be written (seconds).")
    ] = 0.2


class GeoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Country and network of exits."""

    country: Annotated[
        str | None,
        Meta(description="Country database (MMDB); default: what `shoal geo update` left in the data folder."),
    ] = None
    asn: Annotated[str | None, Meta(description="Network (ASN) database (MMDB); default: as for 'country'.")] = None
    country_url: Annotated[
        str, Meta(description="Where `shoal geo update` fetches the country database (gzip); {month} as in 2026-11.")
    ] = "https://download.db-ip.com/free/dbip-country-lite-{month}.mmdb.gz"
    asn_url: Annotated[str, Meta(description="Where it fetches the network database.")] = (
        "https://download.db-ip.com/free/dbip-asn-lite-{month}.mmdb.gz"
    )
