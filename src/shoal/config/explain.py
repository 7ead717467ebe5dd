"""Every setting as a table for people: what docs/settings.md holds."""

from __future__ import annotations

from typing import Any

from msgspec import inspect as shape

from shoal.config.settings import SETTINGS, Setting
from shoal.options import Expect, OwnTarget

_INTRODUCTION = """# Settings

This page is written by `make docs` from `shoal.options`.

A setting comes from, in rising order: its default, one TOML file, the environment, a flag. The file is the first of
`--config FILE`, `$SHOAL_CONFIG`, `shoal.toml` in the working folder, and `shoal.toml` in the platform's settings
folder; paths in it count from where it lies.

```toml
[check]
concurrency = 500

[admission]
deny = ["198.51.100.0/24", "tracker.example"]
```

`shoal config show` prints what is in force and where it came from, `shoal config check` says whether it is right.

In the environment, lists are separated by white space (or commas, except lists of URLs). Secrets can be read from a
file instead: `SHOAL_API_TOKEN_FILE=/run/secrets/token`. Wrong settings stop the program with exit code 2 and one line
that names all of them. Sources of your own with settings of their own are `[[source]]` tables: see
[sources.md](sources.md); sites that matter to you are `[[target]]` tables: see [checks.md](checks.md#targets).
`SHOAL_LOG` sets how the log is written: `plain` or `json`, and a level, for example `json,debug`.
"""

_HEADINGS = {
    "check": "How proxies are checked",
    "judge": "Who tells us what reached them",
    "sources": "Where candidates come from",
    "admission": "What may enter the pool and be dialled",
    "pool": "What is handed out",
    "store": "Where it is remembered",
    "api": "The HTTP API",
    "gateway": "The rotating gateway",
    "geo": "Country and network of exits",
    "targets": "Which proxies reach which sites",
}


def _default(setting: Setting) -> str:
    value = setting.default
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return f"`{int(value) if isinstance(value, float) and value.is_integer() else value}`"


def _row(setting: Setting) -> str:
    names = f"`{setting.environment}`" + (f", `{setting.environment}_FILE`" if setting.is_secret else "")
    flag = f"`{setting.flag}`" if setting.flag else ""
    text = setting.help.replace("|", "\\|")
    return f"| `{setting.key}` | {_default(setting)} | {setting.allowed} | {names} | {flag} | {text} |"


def target_fields_table() -> str:
    """Every field of a ``[[target]]`` table."""
    rows = []
    for kind, prefix in ((OwnTarget, ""), (Expect, "expect.")):
        shown = shape.type_info(kind)
        assert isinstance(shown, shape.StructType)
        for field in shown.fields:
            assert isinstance(field.type, shape.Metadata)
            extra: dict[str, Any] = field.type.extra_json_schema or {}
            name = f"{prefix}{field.name}".replace("not_regex", "not-regex")
            if name != "expect":
                rows.append(f"| `{name}` | {extra['description']} |")
    return "| field | meaning |\n|---|---|\n" + "\n".join(rows)


def settings_markdown() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for group in dict.fromkeys(setting.group for setting in SETTINGS):
        rows = [_row(setting) for setting in SETTINGS if setting.group == group]
        parts.append(
            f"## {_HEADINGS.get(group, group)}: `[{group}]`\n\n"
            "| setting | default | allowed | environment | flag | meaning |\n|---|---|---|---|---|---|\n"
            + "\n".join(rows)
            + "\n"
        )
    return "\n".join(parts)
