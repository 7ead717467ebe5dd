"""What is handed out, scored at once against the truth: lab churn at 10 x the real pace, ``/get/`` twice a second.

A request that finds no proxy counts as a failure. A proxy is good when this very attempt would be relayed and its
answer unchanged. Peers on the same lab: 34 to 72 %. Of each bad one is told
what was known of it when it was handed out.

    python benchmarks/handout.py [--minutes 10] [--seeds 1 2] [--size 2000] [--preset curated] [--warmup 60]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from _harness import Client, free_port, lab, port_of, process, report, scratch, up_words, wait_until
from shoal.domain.proxy import record_id


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
            wrong: list[dict[str, Any]] = []
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
                    wrong.append({"at": number / 2, "how": outcome, **known_of(api, answer["proxy"])})
            _, stats = api.get("/v1/stats")
    total = sum(outcomes.values())
    return {
        "seed": seed,
        "good": outcomes["good"] / total,
        "outcomes": dict(outcomes),
        "distinct": len(distinct),
        "requests": total,
        "wrong": wrong,
        "split": split(wrong),
        "stats": {name: stats.get(name) for name in ("known", "working", "checked_total", "picks_failed")},
    }


def known_of(api: Client, proxy: str) -> dict[str, Any]:
    """What the pool knows of a proxy right after it gave it out: its forecast, the seconds since its last check,
    how many checks there were, and its latency."""
    _, record = api.get(f"/v1/proxies/{record_id(proxy)}")
    if not record or "paths" not in record:
        return {"proxy": proxy}
    path = next(one for one in record["paths"] if one["scheme"] == "http")
    checked = datetime.fromisoformat(record["last_check"]).timestamp()
    return {
        "proxy": proxy,
        "forecast": round(path["forecast"]["probability"], 3),
        "age": round(time.time() - checked, 1),
        "checks": record["checks"],
        "latency_ms": path["latency_ms"],
        "honesty": path["honesty"],
    }


def split(wrong: list[dict[str, Any]]) -> dict[str, int]:
    """How many by cause, those of the first minute apart."""
    return dict(Counter(f"{one['how']}, {'first minute' if one['at'] < 60.0 else 'later'}" for one in wrong))


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
    lines += [
        (f"seed {row['seed']}: {cause}", str(count)) for row in results for cause, count in sorted(row["split"].items())
    ]
    report("handout", {"results": results}, lines)


if __name__ == "__main__":
    main()
