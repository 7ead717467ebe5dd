"""What holds for all modules: size, public names, importing does nothing. Layers are import-linter's affair."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "shoal"
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES = 400
"""Of a file, at most."""


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_file_is_longer_than_a_reader_can_bear() -> None:
    long = {name_of(path): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > LINES}
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in MODULES
        if (tree := ast.parse(path.read_text())).body and ast.get_docstring(tree) is None
    ]
    assert silent == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of)
def test_public_names_are_listed_once_in_order_and_exist(path: Path) -> None:
    module = importlib.import_module(name_of(path))
    public = getattr(module, "__all__", [])
    assert list(public) == sorted(set(public), key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    for name in public:
        assert hasattr(module, name)


def test_what_an_init_imports_from_its_own_modules_is_public() -> None:
    forgotten = []
    for path in MODULES:
        if path.name != "__init__.py":
            continue
        tree = ast.parse(path.read_text())
        public = getattr(importlib.import_module(name_of(path)), "__all__", ())
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shoal."):
                forgotten += [f"{name_of(path)}.{a.asname or a.name}" for a in node.names if a.name not in public]
    assert forgotten == []


_WATCH = """
import sys, threading
sys.path.insert(0, sys.argv[1])
quiet = True

def watch(event, args):
    if quiet and event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system",
                           "os.mkdir", "os.remove", "os.rename", "sqlite3.connect", "signal.signal"):
        raise SystemExit(f"importing did {event} {args}")
    if quiet and event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        if not str(args[0]).endswith(".pyc") and "__pycache__" not in str(args[0]):
            raise SystemExit(f"importing wrote {args[0]}")

sys.addaudithook(watch)
import importlib
for name in sys.argv[2:]:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
quiet = False
"""


def test_importing_does_no_work() -> None:
    names = [name_of(path) for path in MODULES if path.name != "__main__.py"]
    done = subprocess.run(
        [sys.executable, "-B", "-c", _WATCH, str(PACKAGE.parent), *names], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("package", ["domain", "wire", "policy"])
def test_the_core_knows_no_socket_loop_or_log(package: str) -> None:
    allowed = {"ssl"}  # a context is a value that upstream hands through
    banned = {"asyncio", "socket", "selectors", "threading", "logging", "shoal.log", "subprocess", "time"} - allowed
    # socket.inet_pton is the fastest strict reader of addresses; nothing is opened with it.
    exempt = {("shoal.domain.address", "socket")}
    found = []
    for path in (PACKAGE / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            found += [
                (name_of(path), name)
                for name in names
                if {name, name.split(".")[0]} & banned and (name_of(path), name) not in exempt
            ]
    assert found == []


def test_every_unit_test_lies_where_its_module_lies() -> None:
    astray = []
    for path in sorted((ROOT / "tests" / "unit").rglob("test_*.py")):
        folder = path.relative_to(ROOT / "tests" / "unit").parent
        if folder.parts and not (PACKAGE / folder).is_dir():
            astray.append(str(path.relative_to(ROOT)))
    assert astray == []
