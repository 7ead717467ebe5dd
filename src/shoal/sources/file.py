"""A list in a file, or on standard input."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from shoal.domain import Scheme, Trust
from shoal.ports import Harvest, SourceError
from shoal.ports.store import SourceState
from shoal.sources.apart import apart
from shoal.sources.place import STDIN
from shoal.sources.reading import read_document

_PIECE_BYTES = 1 << 20


class FileSource:
    """Read again when time of change or size differ: the pair is kept as the state's ``etag``.

    ``path`` is a file or ``-`` for standard input. What has no size (standard input, a pipe) is read once.
    """

    def __init__(
        self,
        name: str,
        path: str,
        *,
        interval: float,
        trust: Trust = Trust.OWN,
        scheme: Scheme | None = None,
        size_limit_bytes: int = 67_108_864,
        line_limit_bytes: int = 4096,
    ) -> None:
        self.name = name
        self.trust = trust
        self.interval = interval
        self.scheme = scheme
        self.path = path
        self._size_limit_bytes = size_limit_bytes
        self._line_limit_bytes = line_limit_bytes
        self._drained = False

    @property
    def contacts(self) -> str:
        return "standard input" if self.path == STDIN else self.path

    async def fetch(self, state: SourceState) -> Harvest:
        """Read it if it changed. Raises ``SourceError``."""
        if self._drained:
            return Harvest(unchanged=True)
        try:
            mark, data = await apart(lambda: self._read(state.etag), name="shoal-read-file")
        except OSError as error:
            raise SourceError(f"{self.contacts} cannot be read ({error.strerror or error}).") from error
        if data is None:
            return Harvest(unchanged=True, etag=mark)
        self._drained = mark is None
        extraction = await read_document(
            data, scheme=self.scheme, content_type="", name=self.path, line_limit_bytes=self._line_limit_bytes
        )
        return Harvest(
            candidates=tuple(extraction.candidates),
            refused=extraction.refused,
            etag=mark,
            bytes_read=len(data),
            form=extraction.form,
        )

    def _read(self, known: str | None) -> tuple[str | None, bytes | None]:
        """The file's mark and content; content is None when the mark is the known one."""
        if self.path == STDIN:
            return None, self._content(sys.stdin.fileno())
        info = Path(self.path).stat()
        mark = f"{info.st_mtime_ns}-{info.st_size}" if stat.S_ISREG(info.st_mode) else None
        if mark is not None and mark == known:
            return mark, None
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            return mark, self._content(descriptor)
        finally:
            os.close(descriptor)

    def _content(self, descriptor: int) -> bytes:
        data = bytearray()
        while piece := os.read(descriptor, _PIECE_BYTES):
            data += piece
            if len(data) > self._size_limit_bytes:
                raise SourceError(
                    f"{self.contacts} is longer than {self._size_limit_bytes} bytes; split it or raise the limit."
                )
        return bytes(data)
