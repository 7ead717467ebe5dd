"""``shoal import``: proxies of the user's own, from anywhere, into the pool."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, OK, say
from shoal.cli.flags import importing

if TYPE_CHECKING:
    import asyncio

    from shoal.app.importing import Imported
    from shoal.options import Options

_WHERE: Final = (
    "It goes to the pool that runs at --api; when none does, straight into the data folder. Imported proxies come "
    "first and never expire, unless --trust public says else; an import also lets in again what was deleted."
)


@click.command("import", epilog=_WHERE)
@click.argument("places", metavar="FILE|URL|-|redis://HOST...", nargs=-1, required=True)
@click.option(
    "--scheme",
    type=click.Choice(("http", "https", "socks4", "socks4a", "socks5")),
    help="What entries are that do not say; not known: all are tried.",
)
@click.option("--trust", type=click.Choice(("own", "public")), default="own", show_default=True, help="Whose they are.")
@click.option("--tag", "tags", metavar="WORD", multiple=True, help="Tag that they get; may be repeated.")
@click.option(
    "--table",
    metavar="NAME",
    default="use_proxy",
    show_default=True,
    help="redis://: the hash, proxy_pool's TABLE_NAME.",
)
@click.option(
    "--api", metavar="HOST:PORT|URL", help="The pool that runs; default: the one of the settings, if it does."
)
@click.option("--token", metavar="TOKEN", help="Its token; better in SHOAL_API_TOKEN, where no other user sees it.")
@click.option("--json", "as_json", is_flag=True, help="Print what became of it as one JSON object.")
@importing
def import_command(
    options: Options,
    places: tuple[str, ...],
    scheme: str | None,
    trust: str,
    tags: tuple[str, ...],
    table: str,
    api: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Import proxies from files, URLs, standard input (-) or the Redis of a jhao104/proxy_pool.

    Everything that sources read is understood: lists, JSON, CSV, pages, Clash and sing-box settings. Exit code 1 when
    nothing was found.
    """
    from shoal.cli.running import run_until_interrupted
    from shoal.domain import Scheme, Trust

    claim = Scheme(scheme) if scheme else None

    async def main(_stop: asyncio.Event) -> int:
        from shoal.app.importing import import_places

        done = await import_places(
            options, places, scheme=claim, trust=Trust(trust), tags=tags, table=table, api=api, token=token
        )
        _tell(done, as_json)
        return OK if done.read else NOTHING_FOUND

    return run_until_interrupted(main)


def _tell(done: Imported, as_json: bool) -> None:
    if as_json:
        import msgspec

        sys.stdout.write(json.dumps(msgspec.to_builtins(done)) + "\n")
        return
    from shoal.cli.words import counted, refusal_words, top

    say(f"read {done.read:,} proxies: {done.new:,} new, {done.known:,} known already; into {done.into}")
    if done.refused:
        reasons = counted((refusal_words(reason), count) for reason, count in top(done.refused, 8))
        say(f"refused {sum(done.refused.values()):,} ({reasons})")
