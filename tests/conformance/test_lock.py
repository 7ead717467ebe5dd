"""The lock of the data folder, with real files and a real second process."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from pathlib import Path

import pytest

from shoal.errors import StoreError, StoreLockedError
from shoal.stores.lock import DataLock

HOLDER = """
import sys, time
from pathlib import Path
from shoal.stores.lock import DataLock
DataLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_holder_is_refused_by_name(tmp_path: Path) -> None:
    with DataLock(tmp_path):
        with pytest.raises(StoreLockedError) as caught:
            DataLock(tmp_path).acquire()
        assert f"process {os.getpid()} already works on {tmp_path}" in str(caught.value)
        assert "stop it first" in str(caught.value)


def test_released_it_can_be_taken_again(tmp_path: Path) -> None:
    lock = DataLock(tmp_path / "new folder")
    lock.acquire()
    lock.release()
    lock.release()
    with DataLock(tmp_path / "new folder"):
        assert (tmp_path / "new folder" / "shoal.lock").read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file is no folder; choose another data folder"):
        DataLock(tmp_path / "file").acquire()


def test_a_full_disk_is_said_and_the_folder_left_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StoreError, match="No space left on device; free some space, or choose another"):
            DataLock(tmp_path).acquire()
    with DataLock(tmp_path):
        pass


async def test_the_kernel_releases_it_when_the_holder_is_killed(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"held\n"
        with pytest.raises(StoreLockedError, match=f"process {process.pid} "):
            DataLock(tmp_path).acquire()
        process.send_signal(signal.SIGKILL)
        await process.wait()
    with DataLock(tmp_path):
        pass
