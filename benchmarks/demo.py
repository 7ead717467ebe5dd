"""From nothing to working proxies: seconds until the first one is served and until 90 % of the live ones are known.

The lab's ``mixed`` population (90 % dead, 30 % of these black holes) of 2,000; the pool starts from an empty folder.
Time counts from the start of the ``shoal demo``-like process, interpreter and imports included.

    python benchmarks/demo.py [--size 2000] [--seed 1] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

from _harness import Client, free_port, lab, port_of, process, report, scratch, up_words

LIMIT = 60.0
TIMEOUT = 10.0


def one_round(folder: Path, size: int, seed: int) -> dict[str, float]:
    with lab(folder, "--size", str(size), "--seed", str(seed), "--preset", "mixed") as index:
        truth = Client(port_of(index["control"]))
        port = free_port()
        started = time.monotonic()
        with process(up_words(index, port, folder), folder / "up.log"):
            api = Client(port)
            first = share = 0.0
            known: set[str] = set()
            while time.monotonic() - started < LIMIT:
                if not first:
                    status, answer = api.get("/get/")
                    if status == 200 and answer and "proxy" in answer:
                        first = time.monotonic() - started
                    else:
                        time.sleep(0.01)
                        continue
                status, rows = api.get(
                    "/v1/proxies?limit=10000&min_forecast=0&honesty=unknown,clean,tampers,intercepts"
                )
                known |= {f"{row['host']}:{row['port']}" for row in rows}
                live = live_ones(truth)
                share = len(live & known) / max(1, len(live))
                if share >= 0.9:
                    return {"first": first, "ninety": time.monotonic() - started, "share": share, "live": len(live)}
                time.sleep(0.1)
            return {"first": first, "ninety": float("inf"), "share": share, "live": len(live_ones(truth))}


def live_ones(truth: Client) -> set[str]:
    """Everything that relays now: what the pool could know."""
    _, rows = truth.get("/truth")
    return {row["proxy"] for row in rows if row["works"] and row["listed"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rounds: list[dict[str, float]] = []
    for number in range(arguments.rounds):
        with scratch() as folder:
            rounds.append(one_round(folder, arguments.size, arguments.seed + number))
            print(rounds[-1], flush=True)
    first = statistics.median(row["first"] for row in rounds)
    ninety = statistics.median(row["ninety"] for row in rounds)
    figures: dict[str, Any] = {"first_s": first, "ninety_s": ninety, "rounds": rounds}
    report(
        "demo",
        figures,
        [
            ("first working proxy from /get/", f"{first:.2f} s (aim: under 2 s)"),
            ("90 % of the live ones known", f"{ninety:.2f} s (aim: at most {TIMEOUT + 3:.0f} s)"),
        ],
    )


if __name__ == "__main__":
    main()
