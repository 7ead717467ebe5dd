"""The generated pages are up to date and complete."""

import re
import subprocess
import sys
from pathlib import Path

import rich_click as click

from shoal.cli.main import COMMANDS, shoal
from shoal.config import SETTINGS

ROOT = Path(__file__).resolve().parents[2]


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "tools/generate_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def commands() -> dict[str, click.Command]:
    """Every command by its words, those inside groups too."""
    context, found = click.Context(shoal), {}
    for name in COMMANDS:
        command = shoal.get_command(context, name)
        assert command is not None
        found[name] = command
        if isinstance(command, click.Group):
            for sub in command.list_commands(context):
                inner = command.get_command(context, sub)
                assert inner is not None
                found[f"{name} {sub}"] = inner
    return found


def test_every_command_and_flag_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    sections = dict(re.findall(r"^## `shoal ([\w ]+)`\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    assert set(sections) == set(commands())
    for name, command in commands().items():
        assert len(command.help or "") > 20
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.help, f"{name} {option.name} has no help"
                assert all(flag in sections[name] for flag in option.opts)


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for setting in SETTINGS:
        assert f"`{setting.key}`" in page and f"`{setting.environment}`" in page
