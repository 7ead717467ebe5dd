"""Writes the generated pages of docs/; with --check, only says whether they are up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from shoal.cli.pages import cli_markdown
from shoal.config import settings_markdown

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = {"settings.md": settings_markdown, "cli.md": cli_markdown}


def main(arguments: list[str]) -> int:
    stale = [name for name, page in PAGES.items() if _read(DOCS / name) != page()]
    if "--check" in arguments:
        for name in stale:
            print(f"docs/{name} is out of date: run make docs", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
