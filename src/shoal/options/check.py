"""How proxies are checked, and by whom they are judged."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.options.units import Seconds


class CheckOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How proxies are checked."""

    concurrency: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Checks in flight at once; never above what the descriptor limit allows."),
    ] = 1000
    processes: Annotated[
        int,
        Meta(
            ge=0,
            le=256,
            description="Processes that share the checks; 0: `shoal check` takes one for every core, a pool one.",
        ),
    ] = 0
    timeout: Annotated[
        Seconds,
        Meta(
            gt=0,
            le=300,
            description="One check of one proxy, all attempts together (seconds). 5 % of live public proxies need more than 10.",
        ),
    ] = 10.0
    connect_timeout: Annotated[
        Seconds, Meta(gt=0, le=300, description="TCP connect (seconds). Dead hosts cost exactly this.")
    ] = 5.0
    handshake_timeout: Annotated[
        Seconds,
        Meta(gt=0, le=300, description="From connected to ready to carry: TLS to the proxy, SOCKS, CONNECT (seconds)."),
    ] = 6.0
    rate: Annotated[
        float,
        Meta(
            ge=0,
            description="New connections per second, 0 for no limit. Home routers with small NAT tables want about 100.",
        ),
    ] = 0.0
    answer_limit_bytes: Annotated[int, Meta(ge=1024, description="Longest answer that is read from a proxy.")] = 262_144
    profile_interval: Annotated[
        Seconds, Meta(gt=0, description="How often a working proxy's full profile is taken again (seconds).")
    ] = 21_600.0
    min_interval: Annotated[
        Seconds, Meta(gt=0, description="A working proxy is not checked more often than this (seconds).")
    ] = 20.0
    max_interval: Annotated[
        Seconds,
        Meta(gt=0, description="A long-dead proxy that is still listed is tried at least this often (seconds)."),
    ] = 86_400.0


class JudgeOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Who tells us what reached them."""

    urls: Annotated[
        tuple[str, ...],
        Meta(description="The user's own judges: http(s) URLs, '#key=…' for a shared key, '#kind=…' to name the kind."),
    ] = ()
    ca_file: Annotated[
        str | None, Meta(description="PEM file with the authority of https judges that no system store knows.")
    ] = None
    public: Annotated[
        bool | None, Meta(description="Use the built-in public judges; default: only when no own judge is named.")
    ] = None
    control_interval: Annotated[
        Seconds,
        Meta(
            gt=0,
            description="How often each judge is asked directly, to know whether we or the proxies are at fault (seconds).",
        ),
    ] = 15.0
    public_rate: Annotated[float, Meta(gt=0, description="Requests per second to each public judge at most.")] = 50.0
