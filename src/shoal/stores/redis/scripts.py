"""The Lua files of this package, as the server knows them."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Final

from msgspec import Struct

NAMES: Final = (
    "add",
    "claim",
    "claim_these",
    "confirm",
    "counts",
    "delete",
    "expire",
    "fetch",
    "hold",
    "lease_end",
    "lease_renew",
    "lease_take",
    "link_change",
    "link_delete",
    "link_page",
    "link_put",
    "link_visit",
    "meta_swap",
    "outdated",
    "pop",
    "report",
    "retag",
    "save",
    "scan",
    "unclaim",
)


class Script(Struct, frozen=True):
    """``text`` is sent where the server does not know ``sha``: after its restart, or the first time."""

    text: bytes
    sha: bytes


def load_scripts() -> dict[str, Script]:
    folder = files("shoal.stores.redis").joinpath("scripts")
    common = folder.joinpath("_common.lua").read_bytes()
    return {name: _script(common + folder.joinpath(f"{name}.lua").read_bytes()) for name in NAMES}


def _script(text: bytes) -> Script:
    # The server names scripts by their SHA-1; nothing is secured by it.
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())
