"""The HTTP API."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.options.units import Seconds


class ApiOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP API."""

    listen: Annotated[str, Meta(description="HOST:PORT to listen on.")] = "127.0.0.1:5010"
    token: Annotated[str | None, Meta(description="Token that clients must show; needed on a public address.")] = None
    allow_from: Annotated[tuple[str, ...], Meta(description="Networks (CIDR) whose clients need no token.")] = ()
    limit: Annotated[int, Meta(ge=1, description="Rows in one answer at most.")] = 10_000
    rate: Annotated[
        float, Meta(ge=0, description="Requests per second of one token (or address without one), 0 for no limit.")
    ] = 0.0
    max_lag: Annotated[
        Seconds,
        Meta(
            gt=0,
            description="While answers are this late (seconds), further requests get 503 with Retry-After at once: "
            "clients would give up on late ones anyway.",
        ),
    ] = 1.0
    import_limit_bytes: Annotated[int, Meta(ge=1024, description="Longest body of an import.")] = 16_777_216
    link_hosts: Annotated[
        tuple[str, ...], Meta(description="Hosts, with their subdomains, to which short links may lead; default: any.")
    ] = ()
    public_url: Annotated[
        str | None, Meta(description="Address under which clients reach this API; default: as each one asks for it.")
    ] = None
    judge_key: Annotated[str | None, Meta(description="Key with which the judge routes of this process sign.")] = None
