"""Writes the generated pages of docs/; with --check, only says whether they are up to date."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from shoal.api import build_app
from shoal.api.metric_table import metrics_markdown
from shoal.api.scopes import needed
from shoal.cli.pages import cli_markdown
from shoal.config import settings_markdown, target_fields_table
from shoal.options import ApiOptions
from shoal.sources.explain import aliases_table, catalogue_table, fields_table
from shoal.testing.fake_service import FakeService

DOCS = Path(__file__).resolve().parent.parent / "docs"


def concurrency_table() -> str:
    """The figures that benchmarks/concurrency.py wrote when its plot was drawn."""
    rows = json.loads((DOCS / "img" / "concurrency.json").read_text(encoding="utf-8"))["rows"]
    lines = [
        "| job | way | at a time | a second | CPU, ms each | cores used | memory, MiB | threads |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        figures = (
            f"{row['per_second']:,.0f} | {row['cpu_ms']:.2f} | {row['cores']:.2f} | {row['memory_mib']:.0f} | "
            f"{row['threads']:,}"
            if "error" not in row
            else f"{row['error']} | | | |"
        )
        lines.append(f"| {row['job']} | {row['model']} | {row['at_once']:,} | {figures} |")
    return "\n".join(lines)


def routes_table() -> str:
    """Every route of the API's own description, with the scope that it needs."""
    described = build_app(FakeService(), ApiOptions(), version="0").openapi
    lines = ["| request | what it does | scope |", "| --- | --- | --- |"]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            scope = "none" if path in ("/healthz", "/s/{code}", "/") else needed(method.upper(), path).word
            shown = re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), path)
            lines.append(f"| `{method.upper()} {shown}` | {operation['summary']} | {scope} |")
    return "\n".join(lines)


_EXAMPLE = re.compile(r"(<!-- example: ([\w.]+) -->\n).*?(<!-- /example -->)", re.DOTALL)


def cookbook() -> str:
    """docs/cookbook.md with its examples as they are."""

    def filled(match: re.Match[str]) -> str:
        code = (DOCS.parent / "examples" / match[2]).read_text(encoding="utf-8").strip()
        return f"{match[1]}```python\n{code}\n```\n{match[3]}"

    return _EXAMPLE.sub(filled, (DOCS / "cookbook.md").read_text(encoding="utf-8"))


def alerts_table() -> str:
    """The rules of deploy/prometheus/alerts.yml."""
    lines = ["| alert | when | for | severity |", "| --- | --- | --- | --- |"]
    rules = yaml.safe_load((DOCS.parent / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        words = rule["annotations"]["summary"].replace("|", "\\|")
        lines.append(f"| `{rule['alert']}` | {words} | {rule['for']} | {rule['labels']['severity']} |")
    return "\n".join(lines)


SECTIONS = {
    "sources.md": {"fields": fields_table, "aliases": aliases_table, "catalogue": catalogue_table},
    "concurrency.md": {"figures": concurrency_table},
    "routes.md": {"routes": routes_table},
    "metrics.md": {"metrics": metrics_markdown, "alerts": alerts_table},
    "checks.md": {"targets": target_fields_table},
}
"""Tables that stand in a page written by hand, between <!-- NAME --> and <!-- /NAME -->."""


def with_tables(page: str, tables: dict[str, Callable[[], str]]) -> str:
    """The page with its tables written anew. Raises ``ValueError`` when it has no place for one."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for name, table in tables.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, count = place.subn(lambda match, table=table: f"{match[1]}{table()}\n{match[2]}", text)
        if count != 1:
            raise ValueError(f"docs/{page} must have one place for {name}")
    return text


def _filled(page: str, tables: dict[str, Callable[[], str]]) -> Callable[[], str]:
    return lambda: with_tables(page, tables)


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_markdown,
    "cli.md": cli_markdown,
    "cookbook.md": cookbook,
} | {page: _filled(page, tables) for page, tables in SECTIONS.items()}


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
