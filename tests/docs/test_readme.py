"""The README says what the program does."""

import re
from pathlib import Path

from shoal.cli.main import COMMANDS
from shoal.config.settings import FLAGS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_every_command_and_shared_flag_is_named() -> None:
    for name in COMMANDS:
        assert name == "version" or f"`shoal {name}" in README
    for flag in FLAGS.values():
        assert f"`{flag}" in README


def test_links_lead_to_files() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text()):
            assert (ROOT / target).is_file(), f"{page} links to {target}"


def test_make_targets_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"(?:^    |`)make ([a-z][a-z-]+)", (ROOT / page).read_text(), re.M):
            assert re.search(rf"^{target}:", makefile, re.M), f"{page} names make {target}"
