"""Which rows of the catalogue are read: names, patterns and proxy_pool's names for them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase


class Choice:
    """Row names by what users call them: the name, a pattern with ``*``, or an alias; all without regard to case."""

    def __init__(self, rows: Sequence[str], aliases: Mapping[str, Sequence[str]], own: Sequence[str] = ()) -> None:
        self._rows = tuple(rows)
        self._named: dict[str, tuple[str, ...]] = {name.lower(): tuple(names) for name, names in aliases.items()}
        self._named |= {name.lower(): (name,) for name in (*rows, *own)}
        self._spelled = {name.lower(): name for name in (*aliases, *rows, *own)}
        self._own = tuple(own)

    def names(self, asked: str) -> tuple[str, ...]:
        """The rows (and own sources) that are meant; none when nobody knows the name."""
        word = asked.strip().lower()
        if word in self._named:
            return self._named[word]
        if "*" in word or "?" in word:
            return tuple(name for name in (*self._rows, *self._own) if fnmatchcase(name.lower(), word))
        # A site with several lists by the name that they share: `spys` for `spys-http` and `spys-socks5`.
        return tuple(name for name in self._rows if name.startswith(word + "-"))

    def unknown(self, asked: str) -> str:
        """What to tell about a name that means nothing."""
        close = difflib.get_close_matches(asked.strip().lower(), self._spelled, n=1)
        hint = f"did you mean {self._spelled[close[0]]}?" if close else "`shoal sources list` shows all names"
        return f"there is no source {asked.strip()[:80]!r}; {hint}"


def chosen(
    choice: Choice, defaults: Sequence[str], *, enable: Sequence[str], disable: Sequence[str]
) -> tuple[frozenset[str], list[str]]:
    """Names that are on (``defaults`` and what ``enable`` names, without what ``disable`` names), and what is wrong
    with the names."""
    problems: list[str] = []

    def resolve(setting: str, asked: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for name in asked:
            names = choice.names(name)
            if not names:
                problems.append(f"sources.{setting}: {choice.unknown(name)}")
            found.update(names)
        return found

    on = set(defaults)
    on |= resolve("enable", enable)
    on -= resolve("disable", disable)
    return frozenset(on), problems
