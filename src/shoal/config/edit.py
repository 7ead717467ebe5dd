"""Changes to a settings file that keep its comments, and that are written only when the outcome is right."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from shoal.config.folders import FILE_NAME, config_file
from shoal.config.load import load_options
from shoal.errors import ConfigError
from shoal.options import Options


def file_to_edit(named: Path | None, environ: Mapping[str, str]) -> Path:
    """The settings file that is read; where there is none, the one in the platform's settings folder."""
    path, _ = config_file(named, environ)
    return path or platformdirs.user_config_path("shoal", appauthor=False) / FILE_NAME


class SettingsFile:
    """A settings file under change. Nothing is written before ``save``."""

    def __init__(self, path: Path) -> None:
        """Raises ``ConfigError``; a file that does not exist is an empty one."""
        self.path = path
        try:
            self._before = path.read_text(encoding="utf-8") if path.exists() else ""
            self._document = tomlkit.parse(self._before)
        except OSError as error:
            raise ConfigError(f"the settings file {path} cannot be read: {error.strerror or error}") from error
        except (TOMLKitError, UnicodeDecodeError) as error:
            raise ConfigError(f"the settings file {path} is no valid TOML: {error}") from error

    def set(self, group: str, name: str, value: object) -> None:
        """Set ``group.name``; None and empty lists remove it. The line keeps the comment behind it."""
        table = self._document.get(group)
        if table is None:
            table = self._document[group] = tomlkit.table()
        if not isinstance(table, Table):
            raise ConfigError(
                f"the settings file {self.path} sets {group} to a value; write [{group}] above its settings"
            )
        if value is None or value == ():
            table.pop(name, None)
            if not table and not self._before:
                self._document.pop(group)
            return
        table[name] = list(value) if isinstance(value, tuple) else value

    def add_source(self, values: Mapping[str, Any]) -> None:
        """Append a ``[[source]]`` table."""
        table = tomlkit.table()
        for name, value in values.items():
            table[name] = list(value) if isinstance(value, tuple) else value
        tables = self._document.get("source")
        if tables is None:
            tables = self._document["source"] = tomlkit.aot()
        if not isinstance(tables, AoT):
            raise ConfigError(
                f"the settings file {self.path} sets source to a value; write [[source]] above each source"
            )
        tables.append(table)

    def set_source(self, source: str, name: str, value: object) -> None:
        """Set a key of the ``[[source]]`` table with this name; None removes it."""
        for table in self._document.get("source", ()):
            if table.get("name") == source:
                if value is None:
                    table.pop(name, None)
                else:
                    table[name] = value

    def save(self, environ: Mapping[str, str]) -> Options:
        """Write it in one step, readable as before (a new file by this user alone); the settings that it now makes.

        Raises ``ConfigError`` when they would be wrong: the file is as it was then.
        """
        text = tomlkit.dumps(self._document)
        target = self.path.resolve()
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Beside the old one: paths in it count from there, and a rename is atomic on one file system only.
            descriptor, name = tempfile.mkstemp(prefix=".shoal-", suffix=".toml", dir=target.parent)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                try:
                    options = load_options({}, file=Path(name), environ=environ)
                except ConfigError as error:
                    raise ConfigError(*(text.replace(name, str(self.path)) for text in error.problems)) from None
                if target.exists():
                    Path(name).chmod(target.stat().st_mode & 0o777)
                Path(name).replace(target)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"the settings file {self.path} cannot be written: {error.strerror or error}") from error
        return options
