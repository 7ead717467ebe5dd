"""Where files live when the user does not say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import platformdirs

from shoal.options import Options

FILE_NAME = "shoal.toml"


def data_folder(options: Options) -> Path:
    """The folder that holds the store: ``store.data``, else the platform's place for a user's data. Nothing is made."""
    if options.store.data:
        return Path(options.store.data).expanduser()
    return platformdirs.user_data_path("shoal", appauthor=False)


def config_file(named: Path | None, environ: Mapping[str, str]) -> tuple[Path | None, str]:
    """The settings file to read and who named it ('' when nobody did and it may be missing).

    In this order: ``--config``, ``SHOAL_CONFIG``, ``shoal.toml`` of the working folder, the platform's settings folder.
    """
    if named is not None:
        return named.expanduser(), "--config"
    if text := environ.get("SHOAL_CONFIG", "").strip():
        return Path(text).expanduser(), "SHOAL_CONFIG"
    for path in (Path(FILE_NAME), platformdirs.user_config_path("shoal", appauthor=False) / FILE_NAME):
        if path.is_file():
            return path, ""
    return None, ""
