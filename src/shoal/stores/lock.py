"""One process per data folder: a lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from types import TracebackType

from shoal.errors import StoreError, StoreLockedError

if sys.platform == "win32":
    import msvcrt

    # A locked byte cannot be read by others there, so it lies behind the text.
    _LOCKED_BYTE = 1 << 20

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class DataLock:
    """Holds ``shoal.lock`` in ``folder`` from ``acquire`` (or ``with``) until ``release``; the file tells its pid.

    The file stays behind: removing it would let two processes lock two files of one name.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "shoal.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises ``StoreLockedError`` while another holds it, ``StoreError`` when the folder cannot be used."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:
            raise StoreError(f"{self._path.parent} is no folder; choose another data folder with --data") from error
        except OSError as error:
            raise self._unusable(error) from error
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)  # closed on exec: PEP 446
        except OSError as error:
            raise self._unusable(error) from error
        try:
            _lock(descriptor)
        except (BlockingIOError, PermissionError) as error:
            holder = os.read(descriptor, 20)
            os.close(descriptor)
            raise StoreLockedError(self._refusal(holder)) from error
        except OSError as error:
            os.close(descriptor)
            raise StoreError(
                f"{self._path}: {error.strerror or error}; put the data folder on a local disk with --data"
            ) from error
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(descriptor)
            raise self._unusable(error) from error
        self._descriptor = descriptor

    def _unusable(self, error: OSError) -> StoreError:
        what = "free some space, or choose" if error.errno == errno.ENOSPC else "choose"
        return StoreError(f"{self._path.parent}: {error.strerror or error}; {what} another data folder with --data")

    def release(self) -> None:
        """Give it back. Calling it twice does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def __enter__(self) -> DataLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _refusal(self, holder: bytes) -> str:
        pid = holder.strip().decode("ascii", "replace")
        who = f"process {pid}" if pid.isdigit() else "another process"
        return f"{who} already works on {self._path.parent}; stop it first or choose another data folder with --data"
