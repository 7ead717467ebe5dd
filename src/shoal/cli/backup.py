"""``shoal backup`` and ``shoal restore``: one file that holds a whole pool."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import OK, say
from shoal.cli.flags import reading

if TYPE_CHECKING:
    from pathlib import Path

    from shoal.options import Options


_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command()
@click.argument("file")
@_JSON
@reading
def backup(options: Options, file: str, as_json: bool) -> int:
    """Copy the pool into FILE: proxies and what is known of them, links, tokens, settings of sources.

    It may run meanwhile: the copy is what was on disk at one moment. Passwords of proxies stand in it sealed; the key
    to them is written beside it, to FILE.key: keep the two apart where strangers may read. A Redis store is copied by
    its own server (BGSAVE, or its append-only file).
    """
    from pathlib import Path

    from shoal.config import data_folder
    from shoal.stores.open import store_file
    from shoal.stores.seal import KEY_NAME, read_key, write_key
    from shoal.stores.sqlite.backup import back_up

    path, copy = store_file(options.store, data_folder(options) / "shoal.db"), Path(file).expanduser()
    size = back_up(path, copy)
    key = path.parent / KEY_NAME
    if key.exists():
        write_key(_key_of(copy), read_key(key))
    if as_json:
        told = {"from": str(path), "to": str(copy), "bytes": size, "key": f"{copy}.key" if key.exists() else None}
        sys.stdout.write(json.dumps(told) + "\n")
        return OK
    say(f"copied {path} to {file} ({size / 1_048_576:.1f} MB)" + (f", its key to {file}.key" if key.exists() else ""))
    return OK


@click.command()
@click.argument("file")
@_JSON
@reading
def restore(options: Options, file: str, as_json: bool) -> int:
    """Put the pool that `shoal backup` copied into FILE in the place of the present one.

    Stop the pool first. What stood there is kept beside it.
    """
    from pathlib import Path

    from shoal.config import data_folder
    from shoal.stores.lock import DataLock
    from shoal.stores.open import store_file
    from shoal.stores.seal import KEY_NAME, read_key, write_key
    from shoal.stores.sqlite.backup import restore as put_back

    folder, copy = data_folder(options), Path(file).expanduser()
    path = store_file(options.store, folder / "shoal.db")
    with DataLock(folder):
        new_key = read_key(_key_of(copy)) if _key_of(copy).exists() else None
        moved = put_back(copy, path)
        key = path.parent / KEY_NAME
        if new_key is not None and key.exists() and key.read_bytes() != new_key:
            # It opens what was moved away.
            key.rename(_key_of(moved or path.with_name(f"{path.name}.before-restore")))
        if new_key is not None:
            write_key(key, new_key)
    if as_json:
        sys.stdout.write(json.dumps({"to": str(path), "kept": moved and str(moved)}) + "\n")
        return OK
    say(f"restored {path}" + (f"; what was there is kept as {moved.name}" if moved else ""))
    return OK


def _key_of(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.key")
