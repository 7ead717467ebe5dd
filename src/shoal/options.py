"""Every setting: default, bounds, help. One frozen group a component; ``config`` fills them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.domain import Scheme, Trust

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


class OwnSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ``[[source]]`` table of the settings file. Exactly one of ``url`` to ``python`` says where it is read."""

    name: Annotated[str, Meta(description="Its name, unique; shown beside every proxy that came from it.")]
    url: Annotated[str | None, Meta(description="A list behind an http(s) URL. `${NAME}` stands for a variable.")] = (
        None
    )
    file: Annotated[str | None, Meta(description="A list in a file, read again when it changes.")] = None
    folder: Annotated[str | None, Meta(description="Every file in a folder, read again when one changes.")] = None
    stdin: Annotated[bool, Meta(description="A list on standard input, read once.")] = False
    inline: Annotated[
        str | tuple[str, ...], Meta(description="The entries themselves: a text or a list of texts.")
    ] = ()
    api: Annotated[
        str | None, Meta(description="An interface that gives one proxy, or a few, a call. `${NAME}` as in `url`.")
    ] = None
    python: Annotated[
        str | None, Meta(description="`module:function`, yielding texts or Candidates; sync or async.")
    ] = None
    enabled: Annotated[bool, Meta(description="`false` keeps the table but does not read it.")] = True
    scheme: Annotated[Scheme | None, Meta(description="What its entries are where they do not say.")] = None
    trust: Annotated[
        Trust, Meta(description="`own`: never capped, never expires; `public`: as lists of the catalogue.")
    ] = Trust.OWN
    tier: Annotated[int, Meta(ge=0, le=99, description="Picks look at lower tiers first; the catalogue has 50.")] = 0
    interval: Annotated[
        Seconds | None,
        Meta(description="Read again this often (seconds); default: `sources.interval`, files and folders 10."),
    ] = None
    max_in_flight: Annotated[
        int | None, Meta(description="Requests in flight through all its proxies together; default: no bound.")
    ] = None
    min_interval: Annotated[
        Seconds,
        Meta(ge=0, description="Seconds between two requests through one of its proxies to one target."),
    ] = 0.0
    check_interval: Annotated[
        Seconds | None, Meta(description="Its proxies are not checked more often than this (seconds).")
    ] = None
    byte_budget: Annotated[
        int | None, Meta(description="Bytes a UTC day through its proxies, checks and use together; default: no bound.")
    ] = None
    fetch_budget_bytes: Annotated[
        int | None, Meta(description="Bytes a UTC day for reading the list itself; default: the `[sources]` setting.")
    ] = None
    tags: Annotated[tuple[str, ...], Meta(description="Tags that its proxies get.")] = ()
    credentials_env: Annotated[
        str | None, Meta(description="Variable that holds `user:password` for entries that carry none.")
    ] = None
    credentials_file: Annotated[str | None, Meta(description="File that holds them.")] = None
    headers: Annotated[dict[str, str], Meta(description="Request headers that are no secret.")] = {}
    headers_env: Annotated[dict[str, str], Meta(description="Request headers, by the variable that holds each.")] = {}
    headers_file: Annotated[dict[str, str], Meta(description="Request headers, by the file that holds each.")] = {}
    proxy: Annotated[
        str | None,
        Meta(
            description="Read it through a proxy: an http, socks4, socks4a or socks5 URL, or `pool` (only what fails directly)."
        ),
    ] = None
    calls: Annotated[int, Meta(ge=1, le=1000, description="`api`: calls a run; a repeat ends the run.")] = 10
    call_interval: Annotated[Seconds, Meta(ge=0, description="`api`: seconds between calls.")] = 1.0
    base: str = ""
    """Folder of the settings file, where Python modules are looked for. Set by whoever reads the file."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which of the places are named: fit for use when there is exactly one."""
        return tuple(kind for kind in SOURCE_KINDS if getattr(self, kind))


SOURCE_KINDS = ("url", "file", "folder", "stdin", "inline", "api", "python")


class SourceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where candidates come from."""

    urls: Annotated[
        tuple[str, ...],
        Meta(
            description="The user's own lists: URLs, files, folders, `python:module:function`. Naming any replaces the catalogue."
        ),
    ] = ()
    catalog: Annotated[
        bool | None, Meta(description="Use the built-in catalogue; default: only when no own list is named.")
    ] = None
    enable: Annotated[
        tuple[str, ...],
        Meta(
            description="Catalogue rows to read, by name, pattern (`spys-*`) or proxy_pool's name; only these unless catalog is true."
        ),
    ] = ()
    disable: Annotated[
        tuple[str, ...], Meta(description="Sources not to read: rows as in enable, and names of own ones.")
    ] = ()
    proxy: Annotated[
        str | None,
        Meta(
            description="How the catalogue is read: through an http, socks4, socks4a or socks5 URL; `pool`: directly, and through the pool what fails."
        ),
    ] = None
    own: tuple[OwnSource, ...] = ()
    """The ``[[source]]`` tables."""
    interval: Annotated[Seconds, Meta(gt=0, description="How often own lists are read again (seconds).")] = 300.0
    timeout: Annotated[Seconds, Meta(gt=0, description="One fetch of one page (seconds).")] = 30.0
    size_limit_bytes: Annotated[int, Meta(ge=1024, description="Longest document after decompression.")] = 67_108_864
    redirects: Annotated[int, Meta(ge=0, le=20, description="Redirects followed.")] = 5
    concurrency: Annotated[int, Meta(ge=1, le=100, description="Sources read at once.")] = 8
    fetch_budget_bytes: Annotated[
        int, Meta(ge=1024, description="Bytes that each source may cost the network a UTC day.")
    ] = 2_147_483_648


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
    rate: Annotated[
        float, Meta(ge=0, description="Requests per second of one token (or address without one), 0 for no limit.")
    ] = 0.0
    import_limit_bytes: Annotated[int, Meta(ge=1024, description="Longest body of an import.")] = 16_777_216
    link_hosts: Annotated[
        tuple[str, ...], Meta(description="Hosts, with their subdomains, to which short links may lead; default: any.")
    ] = ()
    public_url: Annotated[
        str | None, Meta(description="Address under which clients reach this API; default: as each one asks for it.")
    ] = None
    judge_key: Annotated[str | None, Meta(description="Key with which the judge routes of this process sign.")] = None


class GatewayOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The rotating gateway: one port that always has a working proxy behind it."""

    listen: Annotated[str, Meta(description="HOST:PORT to listen on.")] = "127.0.0.1:5011"
    users: Annotated[
        tuple[str, ...],
        Meta(description="Who may use it: NAME:PASSWORD or NAME:HASH; none means everybody who reaches the port."),
    ] = ()
    users_file: Annotated[str | None, Meta(description="File with one such entry a line, beside 'users'.")] = None
    tls_cert: Annotated[str | None, Meta(description="Certificate chain (PEM): clients may speak TLS to the port.")] = (
        None
    )
    tls_key: Annotated[str | None, Meta(description="Private key (PEM) of 'tls_cert'; default: in the same file.")] = (
        None
    )
    allow_target: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) that clients may reach although they are private or special."),
    ] = ()
    refused_ports: Annotated[
        tuple[str, ...], Meta(description="Target ports that are refused; by default those that take mail.")
    ] = ("25", "465", "587", "2525")
    resolve_here: Annotated[
        bool, Meta(description="Resolve target names on this machine; by default the proxy does it.")
    ] = False
    first_hop: Annotated[
        str | None, Meta(description="URL of a proxy through which all others are reached (a chain of two).")
    ] = None
    deadline: Annotated[
        Seconds,
        Meta(gt=0, le=600, description="From a request to the first byte of its answer, all attempts (seconds)."),
    ] = 20.0
    attempts: Annotated[int, Meta(ge=1, le=50, description="Upstreams tried for one request at most.")] = 8
    attempt_timeout: Annotated[
        Seconds, Meta(gt=0, le=300, description="One upstream, from the dial to a tunnel that stands (seconds).")
    ] = 6.0
    first_byte: Annotated[
        Seconds,
        Meta(
            gt=0,
            le=300,
            description="From a replayable request to the target's first byte, then the next upstream is tried (seconds).",
        ),
    ] = 8.0
    hedge: Annotated[bool, Meta(description="Start a second upstream beside one that is slower than usual.")] = True
    hedge_share: Annotated[
        float, Meta(ge=0, le=1, description="Extra dials for hedging, as a share of all requests.")
    ] = 0.2
    replay_limit_bytes: Annotated[
        int, Meta(ge=0, le=67_108_864, description="Bytes of a request's body kept so that it can be sent again.")
    ] = 262_144
    session_lifetime: Annotated[
        Seconds, Meta(gt=0, description="A session that is not used for this long is forgotten (seconds).")
    ] = 600.0
    max_sessions: Annotated[int, Meta(ge=1, description="Sessions remembered; the longest unused goes first.")] = (
        100_000
    )
    idle: Annotated[
        Seconds, Meta(gt=0, description="A tunnel in which nothing moves either way for this long is closed (seconds).")
    ] = 600.0
    idle_client: Annotated[
        Seconds, Meta(gt=0, description="A client may wait this long between two requests (seconds).")
    ] = 75.0
    head_timeout: Annotated[
        Seconds, Meta(gt=0, description="From a request's first byte to the end of its head or handshake (seconds).")
    ] = 15.0
    lifetime: Annotated[
        Seconds, Meta(ge=0, description="Longest life of one tunnel or exchange (seconds), 0 for no limit.")
    ] = 0.0
    head_limit_bytes: Annotated[
        int, Meta(ge=1024, le=1_048_576, description="Longest request head, with its empty line.")
    ] = 32_768
    max_headers: Annotated[int, Meta(ge=8, le=1000, description="Header lines of one request.")] = 100
    max_connections: Annotated[int, Meta(ge=1, le=1_000_000, description="Clients connected at once.")] = 10_000
    user_connections: Annotated[int, Meta(ge=0, description="Connections of one user at once, 0 for no limit.")] = 0
    user_rate: Annotated[float, Meta(ge=0, description="Requests per second of one user, 0 for no limit.")] = 0.0
    user_bytes: Annotated[int, Meta(ge=0, description="Bytes both ways of one user in 24 hours, 0 for no limit.")] = 0
    splice: Annotated[bool, Meta(description="Let the kernel move long streams (Linux).")] = True


class GeoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Country and network of exits."""

    country: Annotated[
        str | None,
        Meta(description="Country database (MMDB); default: what `shoal geo update` left in the data folder."),
    ] = None
    asn: Annotated[str | None, Meta(description="Network (ASN) database (MMDB); default: as for 'country'.")] = None


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
    geo: GeoOptions = GeoOptions()
