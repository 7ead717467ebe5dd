"""How true the forecasts are: of picks forecast at 0.8, do 80 % work? Reliability per tenth and Brier score.

Plays `shoal replay` over the given traces, or over a population made up after the classes of research on list histories
when none is given: stable, sessions, flappers and one-shots, with a validator whose own noise comes and goes.

    python benchmarks/forecast.py [TRACE …] [--protocol http] [--max-share 0.02]
"""

from __future__ import annotations

import argparse
from math import exp, log
from pathlib import Path
from random import Random
from typing import Any

from _harness import report
from shoal.replay import Rules, Trace, read_trace, replay

CLASSES = ((0.02, 0.95, 40), (0.04, 0.5, 6), (0.05, 0.3, 20), (0.2, 0.08, 2), (0.69, 0.01, 1))
"""Share of all that are ever alive, share of time up, mean length of an up-run in steps."""


def made_up(proxies: int = 3_000, steps: int = 700, seed: int = 1) -> Trace:
    """A trace of two-state chains seen by a noisy validator."""
    rng = Random(seed)
    kinds = rng.choices([row[1:] for row in CLASSES], [row[0] for row in CLASSES], k=proxies)
    up = [rng.random() < share for share, _ in kinds]
    noise, alive = 0.0, []
    for _ in range(steps):
        noise = 0.8 * noise + rng.gauss(0.0, 0.5)
        missed = 1.0 / (1.0 + exp(2.5 + noise))
        seen = set()
        for number, (share, run) in enumerate(kinds):
            leave, come = 1.0 / run, share / (1.0 - share) / run
            up[number] = rng.random() >= leave if up[number] else rng.random() < come
            if up[number] and rng.random() >= missed:
                seen.add(f"10.0.{number >> 8}.{number & 255}:80")
        alive.append(frozenset(seen))
    return Trace("http", tuple(1_000_000.0 + 900.0 * step for step in range(steps)), tuple(alive))


def surprise(rows: tuple[tuple[float, float, int], ...]) -> float:
    """Mean distance between forecast and outcome over the tenths, weighted by picks."""
    return sum(abs(mean - share) * count for mean, share, count in rows) / max(1, sum(count for *_, count in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="*", type=Path)
    parser.add_argument("--protocol", default="http")
    parser.add_argument("--max-share", type=float, default=0.02)
    arguments = parser.parse_args()
    traces = {path.name: read_trace(path, arguments.protocol) for path in arguments.traces} or {"made up": made_up()}
    figures: dict[str, Any] = {}
    lines = []
    for name, trace in traces.items():
        found = replay(trace, Rules(max_share=arguments.max_share), rivals=("decayed_share",))
        lines.append((name, f"{found.own.success:.4f} of picks worked"))
        for policy, score in found.policies.items():
            error = surprise(score.reliability)
            lines.append((f"{name}: {policy}", f"Brier {score.brier or 0.0:.4f}, mean error of a tenth {error:.4f}"))
            figures[f"{name}: {policy}"] = {"brier": score.brier, "error": error, "rows": score.reliability}
        for mean, share, count in found.own.reliability:
            odds = log(max(share, 1e-3) / max(1.0 - share, 1e-3))
            lines.append((f"  forecast {mean:.2f}", f"came true {share:.2f}  {count:8d} picks  logit {odds:+.1f}"))
    report("forecast", figures, lines)


if __name__ == "__main__":
    main()
