"""``shoal backup`` and ``shoal restore``: one file that holds a whole pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import OK, say
from shoal.cli.flags import reading

if TYPE_CHECKING:
    from shoal.options import Options


@click.command()
@click.argument("file")
@reading
def backup(options: Options, file: str) -> int:
    """Copy the pool into FILE: proxies and what is known of them, links, tokens, settings of sources.

    It may run meanwhile: the copy is what was on disk at one moment. FILE holds passwords of proxies and is readable
    by you alone. A Redis store is copied by its own server (BGSAVE, or its append-only file).
    """
    from pathlib import Path

    from shoal.config import data_folder
    from shoal.stores.open import store_file
    from shoal.stores.sqlite.backup import back_up

    path = store_file(options.store, data_folder(options) / "shoal.db")
    size = back_up(path, Path(file).expanduser())
    say(f"copied {path} to {file} ({size / 1_048_576:.1f} MB)")
    return OK


@click.command()
@click.argument("file")
@reading
def restore(options: Options, file: str) -> int:
    """Put the pool that `shoal backup` copied into FILE in the place of the present one.

    Stop the pool first. What stood there is kept beside it.
    """
    from pathlib import Path

    from shoal.config import data_folder
    from shoal.stores.lock import DataLock
    from shoal.stores.open import store_file
    from shoal.stores.sqlite.backup import restore as put_back

    folder = data_folder(options)
    path = store_file(options.store, folder / "shoal.db")
    with DataLock(folder):
        moved = put_back(Path(file).expanduser(), path)
    say(f"restored {path}" + (f"; what was there is kept as {moved.name}" if moved else ""))
    return OK
