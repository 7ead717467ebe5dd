"""The scripts that go with the package."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from shoal.stores.redis.scripts import NAMES, load_scripts


def test_every_script_file_is_loaded_with_what_all_share() -> None:
    names = {entry.name for entry in files("shoal.stores.redis").joinpath("scripts").iterdir()}
    assert names == {f"{name}.lua" for name in (*NAMES, "_common")}
    for script in load_scripts().values():
        assert script.text.startswith(b"-- Put before every script.")
        assert script.sha.decode() == hashlib.sha1(script.text).hexdigest()
