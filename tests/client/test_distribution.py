"""The client as a distribution of its own: what its wheel holds and asks for, and that nothing else is needed."""

from __future__ import annotations

import email
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"
NEEDED = ("requests", "urllib3", "idna", "certifi", "charset_normalizer", "socks")
"""requests with what it asks for itself, and PySocks."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(folder))
    done = subprocess.run([sys.executable, *words, str(CLIENT)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_library_and_asks_for_two_others(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        about = email.message_from_bytes(archive.read(metadata))
    sources = {path.relative_to(CLIENT / "src").as_posix() for path in (CLIENT / "src").rglob("*.py")}
    assert sources | {"shoal_client/py.typed"} <= names
    assert {name.partition("/")[0] for name in names} == {"shoal_client", metadata.partition("/")[0]}
    assert sorted(line.lower().split(">")[0].split("<")[0] for line in about.get_all("Requires-Dist")) == [
        "pysocks",
        "requests",
    ]
    assert any(name.endswith("LICENSE") for name in names)


def test_it_works_with_these_two_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    for name in NEEDED:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        origin = Path(spec.origin)
        place = origin.parent if origin.name == "__init__.py" else origin
        (tmp_path / place.name).symlink_to(place)
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from shoal_client import NoProxyError, PoolError, Session, get
try:
    Session(proxy_list=["socks5://127.0.0.1:9", "http://127.0.0.1:9"]).get("http://target.invalid/", timeout=5)
except Exception as error:
    print(type(error).__name__, error.reason, error.proxy)
try:
    get("http://target.invalid/", timeout=5)
except PoolError as error:
    print("PoolError")
foreign = {name.partition(".")[0] for name in sys.modules} & {"shoal", "msgspec", "httpx", "aiohttp", "scrapy"}
print(sorted(foreign))
"""
    environment = {"SHOAL_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    failed, pool, foreign = done.stdout.splitlines()
    assert failed.startswith("ProxyError connect.refused ") and failed.endswith(":9")
    assert (pool, foreign) == ("PoolError", "[]")
