"""The gateway."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.options.units import Seconds


class GatewayOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The rotating gateway: one port that always has a working proxy behind it."""

    listen: Annotated[str, Meta(description="HOST:PORT to listen on.")] = "127.0.0.1:5011"
    processes: Annotated[
        int,
        Meta(ge=1, le=64, description="Processes that share the port (SO_REUSEPORT), for more than one core's worth."),
    ] = 1
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
    doubtful_statuses: Annotated[
        tuple[str, ...],
        Meta(
            description="Answers of forwarding proxies that may be their own: an idempotent request is then asked again."
        ),
    ] = ("400", "403", "404", "405", "501", "502", "503", "504", "511")
    opinions: Annotated[
        int,
        Meta(ge=1, le=10, description="Proxies of different networks that must say the same; 1 believes the first."),
    ] = 2
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
    max_connections: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Clients connected at once; further ones are told 503 and closed.")
    ] = 10_000
    max_lag: Annotated[
        Seconds,
        Meta(
            gt=0,
            description="While requests are taken up this late (seconds), further ones get 503 with Retry-After at once: "
            "clients would give up on late ones anyway.",
        ),
    ] = 1.0
    user_connections: Annotated[int, Meta(ge=0, description="Connections of one user at once, 0 for no limit.")] = 0
    user_rate: Annotated[float, Meta(ge=0, description="Requests per second of one user, 0 for no limit.")] = 0.0
    user_bytes: Annotated[int, Meta(ge=0, description="Bytes both ways of one user in 24 hours, 0 for no limit.")] = 0
    splice: Annotated[bool, Meta(description="Let the kernel move long streams (Linux).")] = True
