"""What is wrong with a pool, in sentences that say what to do."""

from __future__ import annotations

from shoal.domain.stats import Stats


def problems(stats: Stats, *, sources_asked: bool, judges_asked: bool, unsent: str | None = None) -> tuple[str, ...]:
    """Every reason why the pool is empty or getting stale, the most basic first; empty when all is well.

    ``sources_asked`` and ``judges_asked`` are False until every one of them was tried once; ``unsent`` says why nothing
    can be sent to workers.
    """
    found: list[str] = []
    if sources_asked and stats.sources_total and not stats.sources_ok:
        found.append(
            f"0 of {stats.sources_total} sources reachable: check this machine's network, or try `shoal demo`, "
            "which needs none"
        )
    if judges_asked and not stats.vantage_healthy and any(judge.ok for judge in stats.judges):
        found.append(
            "nearly all good proxies fail at once although judges answer directly, so checks pause and nothing is "
            "demoted: see whether a firewall, a VPN or the provider blocks what leads to proxies"
        )
    elif judges_asked and not stats.vantage_healthy:
        errors = "; ".join(f"{judge.url}: {judge.error}" for judge in stats.judges if judge.error) or "not asked yet"
        found.append(
            "no judge answers a direct request, so checks pause and nothing is demoted "
            f"({errors}); name one that this machine reaches with --judge URL"
        )
    # Sizes are asked of the store once a second: what is in check or worked was let in, though not counted yet.
    is_empty = not (stats.known or stats.verified or stats.in_check)
    if sources_asked and stats.sources_total and stats.sources_ok and is_empty:
        found.append("the sources were read but no proxy was let in: see the refused counts, and --allow for your own")
    if stats.store_error is not None:
        found.append(
            f"the store fails ({stats.store_error}): proxies are handed out from memory and results wait to be saved; "
            "check its disk or server"
        )
    if unsent is not None:
        found.append(f"no checks can be sent to the workers ({unsent}): proxies are handed out from memory; see to it")
    if stats.vantage_healthy and stats.checked_total >= max(100, stats.known) and not stats.verified:
        worst = sorted(stats.failures.items(), key=lambda item: -item[1])[:3]
        kinds = ", ".join(f"{kind} {count}" for kind, count in worst)
        found.append(f"every candidate was checked and none works ({kinds}): try other sources")
    return tuple(found)
