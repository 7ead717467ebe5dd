"""Every setting: default, bounds, help. One frozen group a component; ``config`` fills them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Seconds = float


class CheckOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How proxies are checked."""

    concurrency: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Checks in flight at once; never above what the descriptor limit allows."),
    ] = 1000
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


class SourceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where candidates come from."""

    urls: Annotated[
        tuple[str, ...], Meta(description="The user's own lists: URLs or files. Naming any replaces the catalogue.")
    ] = ()
    catalog: Annotated[
        bool | None, Meta(description="Use the built-in catalogue; default: only when no own list is named.")
    ] = None
    interval: Annotated[Seconds, Meta(gt=0, description="How often own lists are read again (seconds).")] = 300.0
    timeout: Annotated[Seconds, Meta(gt=0, description="One fetch of one page (seconds).")] = 30.0
    size_limit_bytes: Annotated[int, Meta(ge=1024, description="Longest document after decompression.")] = 67_108_864
    redirects: Annotated[int, Meta(ge=0, le=20, description="Redirects followed.")] = 5
    concurrency: Annotated[int, Meta(ge=1, le=100, description="Sources read at once.")] = 8


class AdmissionOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What may enter the pool and be dialled."""

    allow: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks (CIDR) opened for judges, sources and the user's own proxies, never for what a public list names."
        ),
    ] = ()
    allow_public: Annotated[
        tuple[str, ...], Meta(description="Networks opened for public lists too. For the lab only.")
    ] = ()
    deny: Annotated[tuple[str, ...], Meta(description="Networks (CIDR) or host names that are never dialled.")] = ()
    ports_per_host: Annotated[int, Meta(ge=1, description="Public candidates on one host.")] = 5
    hosts_per_net: Annotated[int, Meta(ge=1, description="Public candidates in one /24.")] = 20
    capacity: Annotated[int, Meta(ge=1, description="Public records kept at most.")] = 2_000_000
    line_limit_bytes: Annotated[int, Meta(ge=64, description="Longest line or cell that is looked at.")] = 4096


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


class StoreOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where it is remembered."""

    url: Annotated[str | None, Meta(description="sqlite:///PATH or memory:; default: shoal.db in the data folder.")] = (
        None
    )
    data: Annotated[str | None, Meta(description="Data folder; default: the platform's.")] = None
    batch: Annotated[int, Meta(ge=1, le=10_000, description="Results written in one transaction at most.")] = 500
    batch_interval: Annotated[
        Seconds, Meta(gt=0, le=10, description="Longest that a result waits to be written (seconds).")
    ] = 0.2


class ApiOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP API."""

    listen: Annotated[str, Meta(description="HOST:PORT to listen on.")] = "127.0.0.1:5010"
    token: Annotated[str | None, Meta(description="Token that clients must show; needed on a public address.")] = None
    allow_from: Annotated[tuple[str, ...], Meta(description="Networks (CIDR) whose clients need no token.")] = ()
    limit: Annotated[int, Meta(ge=1, description="Rows in one answer at most.")] = 10_000
    judge_key: Annotated[str | None, Meta(description="Key with which the judge routes of this process sign.")] = None


class GatewayOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The rotating gateway (its port; the gateway itself comes with a later release)."""

    listen: Annotated[str, Meta(description="HOST:PORT to listen on.")] = "127.0.0.1:5011"


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    check: CheckOptions = CheckOptions()
    judge: JudgeOptions = JudgeOptions()
    sources: SourceOptions = SourceOptions()
    admission: AdmissionOptions = AdmissionOptions()
    pool: PoolOptions = PoolOptions()
    store: StoreOptions = StoreOptions()
    api: ApiOptions = ApiOptions()
    gateway: GatewayOptions = GatewayOptions()
