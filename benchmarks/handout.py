"""What is handed out, scored at once against the truth: lab churn at 10 x the real pace, ``/get/`` twice a second.

A request that finds no proxy counts as a failure. A proxy is good when this very attempt would be relayed and its
answer unchanged. Peers on the same lab: 34 to 72 %.

    python benchmarks/handout.py [--minutes 10] [--seeds 1 2] [--size 2000] [--preset curated] [--warmup 60]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from _harness import Client, free_port, lab, port_of, process, report, scratch, up_words, wait_until


def one_seed(folder: Path, arguments: argparse.Namespace, seed: int) -> dict[str, Any]:
    flags = ("--size", str(arguments.size), "--seed", str(seed), "--preset", arguments.preset)
    with lab(folder, *flags, "--speed", str(arguments.speed)) as index:
        truth = Client(port_of(index["control"]))
        port = free_port()
        with process(up_words(index, port, folder), folder / "up.log"):
            api = Client(port)
            begin = time.monotonic()
            while api.get("/healthz")[0] != 200 and time.monotonic() - begin < 20.0:
                time.sleep(0.05)
            time.sleep(arguments.warmup)
            outcomes: Counter[str] = Counter()
            distinct: set[str] = set()
            wrong: dict[str, dict[str, Any]] = {}
            start = time.monotonic()
            for number in range(int(arguments.minutes * 120)):
                wait_until(start + number * 0.5, 0.5)
                _, answer = api.get("/get/")
                if not answer or "proxy" not in answer:
                    outcomes["none"] += 1
                    continue
                distinct.add(answer["proxy"])
                _, fact = truth.get(f"/truth?proxy={answer['proxy']}")
                outcome = score(fact)
                outcomes[outcome] += 1
                if outcome != "good":
                    one = wrong.setdefault(answer["proxy"], {"how": outcome, "times": 0, "first": number / 2})
                    one["times"] += 1
                    one["last"] = number / 2
            _, stats = api.get("/v1/stats")
    total = sum(outcomes.values())
    return {
        "seed": seed,
        "good": outcomes["good"] / total,
        "outcomes": dict(outcomes),
        "distinct": len(distinct),
        "requests": total,
        "wrong": wrong,
        "stats": {name: stats.get(name) for name in ("known", "working", "checked_total", "picks_failed")},
    }


def score(fact: dict[str, Any]) -> str:
    if not fact["works"]:
        # One that is up fails an attempt now and then, and nobody can foresee which.
        return f"{'failing' if fact['up'] else 'dead'} ({fact['life']})"
    if fact["honesty"] in ("tampers", "intercepts", "fakes"):
        return f"dishonest ({fact['honesty']})"
    return "good"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--preset", default="curated")
    parser.add_argument("--speed", type=float, default=10.0)
    parser.add_argument("--warmup", type=float, default=60.0)
    arguments = parser.parse_args()
    results = []
    for seed in arguments.seeds:
        with scratch() as folder:
            results.append(one_seed(folder, arguments, seed))
            print(results[-1], flush=True)
    lines = [
        (f"seed {row['seed']}", f"{row['good']:.1%} good of {row['requests']}, {row['distinct']} distinct proxies")
        for row in results
    ]
    report("handout", {"results": results}, lines)


if __name__ == "__main__":
    main()
