"""``shoal health``: whether what runs here is well, for container engines and service managers."""

from __future__ import annotations

import os
from typing import Final

import rich_click as click

from shoal.cli.exits import OK, say

UNWELL: Final = 1
_TIMEOUT: Final = 3.0
_STALE: Final = 15.0
"""Seconds after which a sign of life counts no more; it comes every two."""


@click.command()
@click.argument("url", required=False)
@click.option("--api", metavar="HOST:PORT", help="Where the API listens; default: as the settings say.")
@click.option("--config", metavar="FILE", help="Settings file (TOML).")
def health(url: str | None, api: str | None, config: str | None) -> int:
    """Tell whether what runs on this machine is well; exit code 0 or 1.

    With a URL, whether it answers 200. Where SHOAL_HEALTH_FILE is set, as in the container image, whether the running
    command gave a sign of life there; otherwise whether the API answers.
    """
    file = os.environ.get("SHOAL_HEALTH_FILE")
    if url is None and file:
        return _by_file(file)
    if url is None:
        from shoal.cli.flags import options_of
        from shoal.policy.bind import parse_listen

        host, port = parse_listen(options_of({"api": api, "config": config}).api.listen)
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        url = f"http://[{host}]:{port}/healthz" if ":" in host else f"http://{host}:{port}/healthz"
    return _by_url(url)


def _by_file(file: str) -> int:
    import time
    from pathlib import Path

    try:
        age = time.time() - Path(file).stat().st_mtime
    except OSError:
        say(f"no sign of life yet in {file}")
        return UNWELL
    if age > _STALE:
        say(f"the last sign of life in {file} is {age:.0f} s old")
        return UNWELL
    return OK


def _by_url(url: str) -> int:
    import urllib.error
    import urllib.request

    if not url.startswith(("http://", "https://")):
        raise click.UsageError("URL must begin with http:// or https://")
    # Asked directly: a proxy of the environment is not what is to be tested.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        say(f"{url} does not answer: {getattr(error, 'reason', error)}")
        return UNWELL
    if status != 200:
        say(f"{url} answers {status}")
    return OK if status == 200 else UNWELL
