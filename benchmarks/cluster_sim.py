"""A cluster with a million known proxies at two vantage points, in virtual time: do scheduling and state hold?

A leader is killed, then a worker, then the line of another is cut. It prints what the run showed beside what is
promised, and ends with 1 where a promise was broken. `tests/sim/test_cluster.py` holds a fiftieth of it. Five minutes
of CPU and 3 GB; a tenth (`--known 100000`) takes half a minute.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sys
import time

import msgspec

from shoal.testing.cluster_scenario import Report, Scale, simulate
from shoal.testing.virtual_time import run_virtual


def promises(run: Report, scale: Scale) -> list[tuple[str, str, str, bool]]:
    """What is promised, the bound, what was seen, and whether it holds."""
    rows = [
        ("schedulers that led at once", "1", run.leaders_at_once, run.leaders_at_once == 1),
        ("seconds until another took over", "15", run.take_over, run.take_over <= 15.0),
        ("records sent while a claim stood", "0", run.sent_twice, run.sent_twice == 0),
        ("records checked twice at once", "0", run.checked_twice, run.checked_twice == 0),
        ("checks begun in any 10 s", f"{14 * scale.rate:.0f}", run.most_begun, run.most_begun <= 14 * scale.rate),
        ("records outstanding", f"{1.5 * run.capacity:.0f}", run.most_outstanding,
         run.most_outstanding <= 1.5 * run.capacity),
        ("checks in flight at a worker", str(scale.concurrency), max(run.peaks.values()),
         max(run.peaks.values()) <= scale.concurrency),
        ("known proxies never checked", "0", run.unchecked, run.unchecked == 0),
        ("results lost but those of the dead worker", "0",
         max(0, run.checks - run.stored - run.in_hand - run.outstanding),
         run.checks - run.stored <= run.in_hand + run.outstanding),
        ("seconds until a dead worker's were checked", "35", run.regained, run.regained <= 35.0),
        ("listed for us but out of its reach", "5 %", f"{run.cut_off['us']:.1%}", run.cut_off["us"] <= 0.05),
        ("listed for eu, out of reach of us", "over 30 %", f"{run.cut_off['eu']:.1%}", run.cut_off["eu"] > 0.3),
        ("tasks that ended by a fault", "0", len(run.faults), not run.faults),
    ]  # fmt: skip
    return [(what, bound, str(seen), held) for what, bound, seen, held in rows]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=640.0, help="virtual time")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    # Warnings of processes that are killed are part of the scenario.
    logging.disable(logging.WARNING)
    # Every known proxy is checked once in seven tenths of the time.
    rate = options.known / (0.7 * options.seconds)
    scale = Scale(options.known, options.seconds, concurrency=max(60, round(0.75 * rate)), rate=rate)
    began = time.process_time()
    run = run_virtual(simulate(scale, options.seed))
    cpu, kilobytes = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = promises(run, scale)
    print(f"{run.known} known, {run.checks} checks in {scale.seconds:.0f} virtual seconds at {rate:.0f} a second, by "
          f"{len(run.peaks)} workers; {cpu:.0f} s CPU, {kilobytes / 1024:.0f} MB\n")  # fmt: skip
    for what, bound, seen, held in rows:
        print(f"{what:>44} {bound:>10} {seen:>10}  {'holds' if held else 'BROKEN'}")
    for vantage, listed in run.listed.items():
        print(f"\n{vantage}: {run.by_vantage[vantage]} checks, {listed} listed, {run.up[vantage]:.1%} of them work")
    print(json.dumps(msgspec.to_builtins(run)))
    return 0 if all(held for *_, held in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
