"""Whose fault a failure is: one table over stage and reason."""

from __future__ import annotations

from typing import Final

from shoal.domain import Blame, Failure, Reason, Stage

# How to edit: a pair that is not here falls through to its reason's row, then to PROXY, because every byte from
# connect onwards came from the proxy or through it. Only put here what can be told apart from the proxy's own doing.
_BY_REASON: Final[dict[Reason, Blame]] = {
    # Our descriptors, ports or buffers ran out: the proxy never had its chance.
    Reason.LOCAL_LIMIT: Blame.LOCAL,
}

_BY_KIND: Final[dict[tuple[Stage, Reason], Blame]] = {
    # A resolver that does not answer is ours; one that answers "no such name" speaks of the proxy.
    (Stage.RESOLVE, Reason.TIMEOUT): Blame.LOCAL,
    # Our own address rules forbid the dial (a name that points inside): the entry is what is wrong.
    (Stage.RESOLVE, Reason.DENIED): Blame.PROXY,
    # EACCES and EPERM from connect are a packet filter of this machine.
    (Stage.CONNECT, Reason.DENIED): Blame.LOCAL,
}

# What a proxy says, or shows, about a target nobody has vouched for. SOCKS replies 3, 4 and 5 and 502 to 504 cannot be
# told from a proxy without a way out, hence UNKNOWN; what only the target's own end can produce is TARGET.
_FOREIGN: Final[dict[tuple[Stage, Reason], Blame]] = {
    (Stage.TUNNEL, Reason.REFUSED): Blame.TARGET,
    (Stage.TUNNEL, Reason.UNREACHABLE): Blame.UNKNOWN,
    (Stage.TUNNEL, Reason.BAD_STATUS): Blame.UNKNOWN,
    (Stage.TUNNEL, Reason.TIMEOUT): Blame.UNKNOWN,
    # SOCKS4 has one code for "forbidden" and "not reached".
    (Stage.TUNNEL, Reason.DENIED): Blame.UNKNOWN,
    (Stage.TUNNEL, Reason.EOF): Blame.UNKNOWN,
    (Stage.TUNNEL, Reason.RESET): Blame.UNKNOWN,
    (Stage.TARGET_TLS, Reason.TIMEOUT): Blame.UNKNOWN,
    (Stage.TARGET_TLS, Reason.EOF): Blame.UNKNOWN,
    (Stage.TARGET_TLS, Reason.RESET): Blame.UNKNOWN,
    (Stage.TARGET_TLS, Reason.MALFORMED): Blame.UNKNOWN,
    # A certificate that does not fit may be the site's own mistake as well as an interception.
    (Stage.TARGET_TLS, Reason.CERT): Blame.UNKNOWN,
    (Stage.SEND, Reason.TIMEOUT): Blame.UNKNOWN,
    (Stage.SEND, Reason.EOF): Blame.UNKNOWN,
    (Stage.SEND, Reason.RESET): Blame.UNKNOWN,
    (Stage.RECEIVE, Reason.TIMEOUT): Blame.UNKNOWN,
    (Stage.RECEIVE, Reason.EOF): Blame.UNKNOWN,
    (Stage.RECEIVE, Reason.RESET): Blame.UNKNOWN,
    (Stage.RECEIVE, Reason.MALFORMED): Blame.UNKNOWN,
    (Stage.RECEIVE, Reason.DENIED): Blame.TARGET,
    (Stage.RECEIVE, Reason.AUTH): Blame.TARGET,
    (Stage.RECEIVE, Reason.UNREACHABLE): Blame.UNKNOWN,
    (Stage.RECEIVE, Reason.REFUSED): Blame.UNKNOWN,
    (Stage.RECEIVE, Reason.BAD_STATUS): Blame.UNKNOWN,
    (Stage.CONTENT, Reason.BAD_STATUS): Blame.TARGET,
    (Stage.CONTENT, Reason.DENIED): Blame.TARGET,
    (Stage.CONTENT, Reason.MISMATCH): Blame.UNKNOWN,
}

# Failures that our own network or the judge could have caused as well as the proxy: they count against the proxy only
# once something proves that both were well at the time. The rest (a refused connect is a packet from the far host, a
# malformed greeting is the proxy's own voice) needs no second opinion.
_DOUBTFUL: Final[frozenset[tuple[Stage, Reason]]] = frozenset(
    {
        (Stage.RESOLVE, Reason.UNREACHABLE),
        (Stage.CONNECT, Reason.TIMEOUT),
        (Stage.CONNECT, Reason.UNREACHABLE),
        *(
            (stage, reason)
            for stage in (Stage.TUNNEL, Stage.TARGET_TLS, Stage.SEND, Stage.RECEIVE, Stage.CONTENT)
            for reason in Reason
            if reason is not Reason.LOCAL_LIMIT
        ),
        *(
            (stage, reason)
            for stage in (Stage.PROXY_TLS, Stage.HANDSHAKE)
            for reason in (Reason.TIMEOUT, Reason.RESET, Reason.EOF)
        ),
    }
)


def blame(failure: Failure, *, vantage_healthy: bool, target_vouched: bool = True) -> Blame:
    """Who is at fault.

    ``vantage_healthy`` is False while no judge answers us directly: then nothing is anybody's fault but ours.
    ``target_vouched`` says that the target is a judge which answered us directly at the time; a user's own target is
    not, and trouble beyond the proxy is then no proof against the proxy.
    """
    reason = _BY_REASON.get(failure.reason)
    if reason is not None:
        return reason
    kind = (failure.stage, failure.reason)
    found = _BY_KIND.get(kind)
    if found is not None and found is not Blame.PROXY:
        return found
    if not vantage_healthy and kind in _DOUBTFUL:
        return Blame.LOCAL
    if not vantage_healthy:
        return Blame.UNKNOWN
    if found is None and not target_vouched:
        found = _FOREIGN.get(kind)
    return Blame.PROXY if found is None else found


def is_doubtful(failure: Failure) -> bool:
    """Whether our own network, or the judge, may be the cause: ask for proof before blaming the proxy."""
    return (failure.stage, failure.reason) in _DOUBTFUL
