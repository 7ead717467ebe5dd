"""``shoal top``: a running pool, live, in the terminal."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from shoal.cli.exits import NOTHING_REACHABLE, OK, say

if TYPE_CHECKING:
    from shoal.cli.top_link import Link
    from shoal.cli.top_view import Look

_HOUR: Final = 3600
_LOOKS: Final = 60
_SHORTEST: Final = 0.2

_EPILOG = "Keys: `q` or Ctrl-C quits. The whole of it, for a script: `shoal top --once --json`."


@click.command("top", epilog=_EPILOG)
@click.option("--api", metavar="URL", help="Which pool: a URL or HOST:PORT; default http://127.0.0.1:5010.")
@click.option(
    "--token", metavar="TEXT", help="Its API token; better in SHOAL_API_TOKEN, where no list of processes shows it."
)
@click.option("--once", is_flag=True, help="Show one look and end. So it does where the output is no terminal.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON object a look, as /v1/stats has it, with rates a second."
)
@click.option(
    "--interval", metavar="SECONDS", type=float, default=1.0, show_default=True, help="Time between two looks."
)
@click.option("--config", metavar="FILE", help="Settings file whose API and token are meant.")
def top(api: str | None, token: str | None, once: bool, as_json: bool, interval: float, config: str | None) -> int:
    """Watch a running pool: what works, how checks go, what clients get, what is wrong.

    It only asks: the pool's API at --api, once a second. Exit code 4 when no pool answers there.
    """
    from shoal.cli.top_link import Link

    base, secret = _where(api, token, config)
    link = Link(base, secret)
    stats = link.get("/v1/stats")
    if stats is None:
        say(f"no pool answers at {base}; start one with `shoal up`, or name its address with --api URL")
        return NOTHING_REACHABLE
    if not isinstance(stats, dict) or "working" not in stats:
        from shoal.errors import ConfigError

        raise ConfigError(f"what answers at {base} is not Shoal; name its address with --api URL")
    watch = _Watch(link, stats)
    interval = max(_SHORTEST, interval)
    try:
        if as_json:
            _print_json(watch, once, interval)
        elif once or not sys.stdout.isatty():
            _print_once(watch, interval)
        else:
            _show(watch, interval)
    except KeyboardInterrupt:
        pass
    finally:
        link.close()
    return OK


def _where(api: str | None, token: str | None, config: str | None) -> tuple[str, str | None]:
    """Base URL and token: flags first, then the settings of this machine."""
    from shoal.cli.flags import options_of
    from shoal.cli.running_pool import base_url

    url = api if api is not None and "://" in api else None
    options = options_of({"config": config, "api": None if url else api})
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is no http or https URL", param_hint="--api")
    return (url or base_url(options)).rstrip("/"), token or options.api.token


class _Watch:
    """Looks at the pool and remembers what curves need."""

    def __init__(self, link: Link, stats: dict[str, Any]) -> None:
        from shoal.cli.top_link import Rates

        self._link = link
        self.stats = stats
        self.rates = Rates()
        self._checks: deque[float] = deque(maxlen=_LOOKS)
        history = link.get(f"/v1/stats/history?seconds={_HOUR}")
        self._working = deque([float(row.get("working", 0)) for row in history or ()], maxlen=_LOOKS)
        self._minute = time.monotonic()
        self._answered = time.monotonic()
        self._note(stats)

    def again(self) -> None:
        stats = self._link.get("/v1/stats")
        if stats is not None:
            self._note(stats)

    def _note(self, stats: dict[str, Any]) -> None:
        now = self._answered = time.monotonic()
        self.stats = stats
        self.rates.note(stats, now)
        self._checks.append(float(stats.get("checks_per_second") or 0))
        if not self._working or now - self._minute >= 60.0:
            self._minute = now
            self._working.append(float(stats.get("working") or 0))

    def look(self, way_out: str = "") -> Look:
        from shoal.cli.top_view import Look

        silent = time.monotonic() - self._answered
        working = [*self._working, float(self.stats.get("working") or 0)]
        return Look(
            self._link.base, self.stats, self.rates.now, working, tuple(self._checks), tuple(self._link.events),
            silent if silent > 3.0 else 0.0, way_out,
        )  # fmt: skip

    def follow(self) -> None:
        self._link.follow()


def _print_json(watch: _Watch, once: bool, interval: float) -> None:
    while True:
        # Rates need two looks.
        time.sleep(interval)
        watch.again()
        rates = {name: round(value, 3) for name, value in watch.rates.now.items()}
        sys.stdout.write(json.dumps({**watch.stats, "rates": rates}) + "\n")
        sys.stdout.flush()
        if once:
            return


def _print_once(watch: _Watch, interval: float) -> None:
    from rich.console import Console

    from shoal.cli.top_view import screen

    time.sleep(min(interval, 1.0))
    watch.again()
    console = Console(highlight=False)
    console.print(screen(watch.look(), console.width))


def _show(watch: _Watch, interval: float) -> None:
    from rich.console import Console
    from rich.live import Live

    from shoal.cli.keys import Keys
    from shoal.cli.top_view import screen

    console = Console(highlight=False)
    watch.follow()
    with Keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        way_out = "q" if sys.stdin.isatty() else "Ctrl-C"
        while True:
            live.update(screen(watch.look(way_out), console.width), refresh=True)
            if keys.wait(interval) in ("q", "Q", "\x1b"):
                return
            watch.again()
