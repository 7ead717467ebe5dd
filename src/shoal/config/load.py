"""Settings from every place, merged and checked; every problem is told at once."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from shoal.config.folders import config_file
from shoal.config.settings import SETTINGS, Setting
from shoal.config.source_tables import read_tables
from shoal.config.target_tables import configured_targets, read_target_tables
from shoal.config.values import Wrong, checked, from_text, split_source
from shoal.errors import ConfigError
from shoal.options import Options

_BY_KEY: Final = {setting.key: setting for setting in SETTINGS}
_BY_ENVIRONMENT: Final = {setting.environment: setting for setting in SETTINGS}
_GROUPS: Final = tuple(dict.fromkeys(setting.group for setting in SETTINGS))
_OTHER_VARIABLES: Final = frozenset({"SHOAL_CONFIG", "SHOAL_LOG", "SHOAL_HEALTH_FILE"})
_FILES: Final = (
    "judge.ca_file",
    "admission.deny_file",
    "store.key_file",
    "gateway.users_file",
    "gateway.tls_cert",
    "gateway.tls_key",
)
_TABLES: Final = "sources.own"
"""Where the ``[[source]]`` tables stand among the values."""
_TARGETS: Final = "targets.own"
"""Where the ``[[target]]`` tables stand."""
_PATHS: Final = frozenset({*_FILES, "store.data"})
# Kubernetes sets such variables for a service that happens to be called shoal, shoal-api, ...
_SERVICE_LINK = re.compile(r"_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")

Values = dict[str, tuple[object, str]]
"""Key to raw value and where it came from."""


def load_options(
    flags: Mapping[str, object], *, file: Path | None = None, environ: Mapping[str, str] | None = None
) -> Options:
    """Defaults, then the settings file, then ``environ``, then ``flags`` (``group.name`` to value; None: not given).

    Raises ``ConfigError`` with one sentence for every wrong setting.
    """
    problems: list[str] = []
    environ = environ or {}
    values: Values = {}
    path, named_by = config_file(file, environ)
    if path is not None:
        values |= _from_file(path, named_by, problems)
    values |= _from_environment(environ, problems)
    values |= _from_flags(flags)
    tables, _ = values.pop(_TABLES, ((), ""))
    targets, _ = values.pop(_TARGETS, ((), ""))
    tree: dict[str, dict[str, Any]] = {}
    for key, (value, origin) in values.items():
        setting = _BY_KEY[key]
        try:
            tree.setdefault(setting.group, {})[setting.name] = checked(setting, value)
        except Wrong as wrong:
            problems.append(f"{key} ({origin}) {wrong}")
    problems += _missing_files(tree, values)
    if problems:
        raise ConfigError(*problems)
    options = msgspec.convert(tree, Options)
    options = msgspec.structs.replace(
        options,
        sources=msgspec.structs.replace(options.sources, own=tables),
        targets=msgspec.structs.replace(options.targets, own=targets),
    )
    configured_targets(options)
    if problems := _contradictions(options):
        raise ConfigError(*problems)
    return _stages_within_whole(_with_deny_file(options))


def origins_of(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object] | None = None
) -> dict[str, str]:
    """Where each setting that is given comes from: the name of the file, the variable or the flag."""
    path, named_by = config_file(file, environ)
    values = _from_file(path, named_by, []) if path is not None else {}
    values |= _from_environment(environ, []) | _from_flags(flags or {})
    return {key: origin for key, (_, origin) in values.items() if key not in (_TABLES, _TARGETS)}


def _from_flags(flags: Mapping[str, object]) -> Values:
    return {key: (value, _BY_KEY[key].flag or key) for key, value in flags.items() if value is not None and value != ()}


def _from_file(path: Path, named_by: str, problems: list[str]) -> Values:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        by = f" (named by {named_by})" if named_by else ""
        problems.append(f"the settings file {path}{by} cannot be read: {(error.strerror or str(error)).lower()}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"the settings file {path} is no valid TOML: {error}")
        return {}
    values: Values = {}
    for group, table in document.items():
        if group == "source":
            values[_TABLES] = (read_tables(table, path, problems), str(path))
        elif group == "target":
            values[_TARGETS] = (read_target_tables(table, path, problems), str(path))
        elif group not in _GROUPS:
            problems.append(f"{path} has an unknown group [{group}]{_meant(group, _GROUPS)}")
        elif not isinstance(table, dict):
            problems.append(f"{path} sets {group} to a value, but it is a group: write [{group}] above its settings")
        else:
            for name, value in table.items():
                key = f"{group}.{name}"
                if key in _BY_KEY:
                    values[key] = (_from_folder_of(path, key, value), str(path))
                else:
                    names = [setting.name for setting in SETTINGS if setting.group == group]
                    problems.append(f"{path} has an unknown setting {key}{_meant(name, names)}")
    return values


def _from_folder_of(file: Path, key: str, value: object) -> object:
    """Paths in a settings file count from where that file lies, so that it means the same wherever it is read from."""
    folder = file.absolute().parent
    if key in _PATHS and isinstance(value, str) and value:
        return str(folder / Path(value).expanduser())
    if key == "sources.urls" and isinstance(value, list):
        return [_source_from(folder, item) if isinstance(item, str) else item for item in value]
    return value


def _source_from(folder: Path, item: str) -> str:
    claim, path = split_source(item)
    return item if path is None else f"{claim}{folder / Path(path).expanduser()}"


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> Values:
    values: Values = {}
    for name, text in sorted(environ.items()):
        if not name.startswith("SHOAL_") or name in _OTHER_VARIABLES:
            continue
        plain = name.removesuffix("_FILE")
        if name in _BY_ENVIRONMENT:
            # An empty variable is how compose files and shells say 'not set'.
            if text.strip():
                _take(values, problems, _BY_ENVIRONMENT[name], text, name)
        elif plain in _BY_ENVIRONMENT and _BY_ENVIRONMENT[plain].is_secret:
            if environ.get(plain, "").strip():
                problems.append(f"{plain} and {name} are both set; keep one of them")
            elif text.strip():
                _take_file(values, problems, _BY_ENVIRONMENT[plain], text.strip(), name)
        elif problem := _unknown_variable(name):
            problems.append(problem)
    return values


def _take(values: Values, problems: list[str], setting: Setting, text: str, name: str) -> None:
    try:
        values[setting.key] = (from_text(setting, text), name)
    except Wrong as wrong:
        problems.append(f"{setting.key} ({name}) {wrong}")


def _take_file(values: Values, problems: list[str], setting: Setting, path: str, name: str) -> None:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        problems.append(f"{setting.key} ({name}) cannot be read from {path}: {why}")
        return
    values[setting.key] = (text, name)


def _unknown_variable(name: str) -> str | None:
    meant = _meant(name, _BY_ENVIRONMENT, cutoff=0.8)
    in_group = any(name.startswith(f"SHOAL_{group}_".upper()) for group in _GROUPS)
    if _SERVICE_LINK.search(name) or not (meant or in_group):
        return None
    return f"the environment variable {name} is no setting{meant}"


def _meant(
    word: str, known: Iterator[str] | Mapping[str, object] | tuple[str, ...] | list[str], cutoff: float = 0.6
) -> str:
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=cutoff)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(names)}" if len(names) <= 16 else ""


def _missing_files(tree: Mapping[str, Mapping[str, Any]], values: Values) -> Iterator[str]:
    for key in _FILES:
        group, _, name = key.partition(".")
        file = tree.get(group, {}).get(name)
        if file and not Path(file).expanduser().is_file():
            yield f"{key} ({values[key][1]}) names {file!r}, and there is no such file"
    for source in tree.get("sources", {}).get("urls", ()):
        _, path = split_source(source)
        if path is not None and not Path(path).expanduser().exists():
            yield f"sources.urls ({values['sources.urls'][1]}) names {path!r}, which is neither a URL nor a file here"


def _with_deny_file(options: Options) -> Options:
    admission = options.admission
    if not admission.deny_file:
        return options
    try:
        lines = Path(admission.deny_file).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"admission.deny_file: {admission.deny_file} cannot be read: {why}") from error
    named = tuple(entry for line in lines if (entry := line.partition("#")[0].strip()))
    deny = (*admission.deny, *named)
    return msgspec.structs.replace(options, admission=msgspec.structs.replace(admission, deny=deny))


def _contradictions(options: Options) -> list[str]:
    check = options.check
    if check.min_interval > check.max_interval:
        return [f"check.min_interval ({check.min_interval:g}) is above check.max_interval ({check.max_interval:g})"]
    return []


def _stages_within_whole(options: Options) -> Options:
    """No stage may last longer than the whole check: ``--timeout 3`` means three seconds for a dead host too."""
    check = options.check
    return msgspec.structs.replace(
        options,
        check=msgspec.structs.replace(
            check,
            connect_timeout=min(check.connect_timeout, check.timeout),
            handshake_timeout=min(check.handshake_timeout, check.timeout),
        ),
    )
