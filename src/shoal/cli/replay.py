"""``shoal replay``: the product's own decisions over a recorded history."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import OK

if TYPE_CHECKING:
    from shoal.replay import Report

_NAMES = {
    "shoal": "shoal",
    "drop_on_failure": "drop on failure, random pick",
    "score_ladder": "score ladder (+100, -1)",
    "decayed_share": "decayed success share",
    "oracle": "oracle (knows the future)",
}


@click.command()
@click.argument("trace", metavar="TRACE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--protocol",
    type=click.Choice(("http", "socks4", "socks5")),
    default="http",
    show_default=True,
    help="Which of the trace's protocols to play.",
)
@click.option(
    "--budget",
    metavar="N",
    type=click.IntRange(0),
    default=1000,
    show_default=True,
    help="Checks at each snapshot at most.",
)
@click.option(
    "--serve", metavar="N", type=click.IntRange(1), default=200, show_default=True, help="Picks at each snapshot."
)
@click.option(
    "--max-share",
    metavar="X",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.02,
    show_default=True,
    help="Largest share of a snapshot's picks that one proxy gets.",
)
@click.option(
    "--warmup",
    metavar="N",
    type=click.IntRange(0),
    default=96,
    show_default=True,
    help="Snapshots played before scoring begins.",
)
@click.option(
    "--dead",
    metavar="N",
    type=click.IntRange(0, 10_000_000),
    default=0,
    show_default=True,
    help="Further candidates, known from the start, that never work.",
)
@click.option("--feedback", is_flag=True, help="The pool learns what became of its picks.")
@click.option("--seed", metavar="N", type=int, default=1, show_default=True, help="Same seed, same picks.")
@click.option("--no-rivals", is_flag=True, help="Play the pool alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def replay(
    trace: str,
    protocol: str,
    budget: int,
    serve: int,
    max_share: float,
    warmup: int,
    dead: int,
    feedback: bool,
    seed: int,
    no_rivals: bool,
    as_json: bool,
) -> int:
    """Play a list's recorded history to the pool's own forecast, schedule and pick, and score the picks.

    At each snapshot the newly listed proxies become known, a budget of checks is spent, and picks are made which are
    scored against the next snapshot. Other ways to decide play by the same rules beside it. No network is used.
    """
    from pathlib import Path

    from shoal.replay import RIVALS, Rules, TraceError, read_trace
    from shoal.replay import replay as play

    rules = Rules(budget, serve, max_share, warmup, dead, feedback, seed)
    try:
        history = read_trace(Path(trace), protocol)
    except (TraceError, OSError) as error:
        raise click.UsageError(f"TRACE cannot be read: {error}", click.get_current_context()) from error
    report = play(history, rules, rivals=() if no_rivals else tuple(RIVALS))
    sys.stdout.write(json_text(report) if as_json else table(report))
    return OK


def json_text(report: Report) -> str:
    """One line: the product's figures, and everybody's under ``policies``."""

    def figures(name: str) -> dict[str, float | int | None]:
        score = report.policies[name]
        return {"success": score.success, "distinct": score.distinct, "brier": score.brier, "steps": score.steps}

    return json.dumps({**figures("shoal"), "policies": {name: figures(name) for name in report.policies}}) + "\n"


def table(report: Report) -> str:
    """The same for people, with how often forecasts came true."""
    lines = [f"{'policy':30} {'success':>8} {'distinct':>9} {'Brier':>7}"]
    for name, score in report.policies.items():
        brier = "-" if score.brier is None else f"{score.brier:.4f}"
        lines.append(f"{_NAMES.get(name, name):30} {score.success:8.4f} {score.distinct:9.1f} {brier:>7}")
    lines += ["", f"{report.own.steps} steps scored", "", f"{'forecast':>8} {'came true':>9} {'picks':>9}"]
    lines += [f"{mean:8.2f} {share:9.2f} {count:9d}" for mean, share, count in report.own.reliability]
    return "\n".join(lines) + "\n"
