"""``shoal version``."""

from __future__ import annotations

import rich_click as click

from shoal import __version__


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON object, with the versions of Python and the platform.")
def version(as_json: bool) -> None:
    """Print which Shoal this is."""
    if not as_json:
        click.echo(f"shoal {__version__}")
        return
    import json
    import platform

    click.echo(json.dumps({"shoal": __version__, "python": platform.python_version(), "platform": platform.platform()}))
