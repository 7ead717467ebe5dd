"""Groups whose commands are imported when they are asked for, so that help answers at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import rich_click as click


class LazyGroup(click.RichGroup):
    """A group that imports a command's module only when that command (or the list of all) is asked for."""

    def __init__(self, *given: Any, places: Mapping[str, str], **more: Any) -> None:
        """``places`` says of each command, in the order of the help, where it lives: ``module:name``."""
        super().__init__(*given, **more)
        self.places = dict(places)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.places:
            return None
        module, _, name = self.places[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command
