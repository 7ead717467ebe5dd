"""A list in a file, or on standard input."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from shoal.ports import Harvest, SourceError
from shoal.ports.store import SourceState
from shoal.sources.apart import apart
from shoal.sources.document import DocumentSource, SourceTerms
from shoal.sources.place import STDIN

_PIECE_BYTES = 1 << 20


class FileSource(DocumentSource):
    """Read again when time of change or size differ: the pair is kept as the state's ``etag``.

    ``path`` is a file or ``-`` for standard input. What has no size (standard input, a pipe) is read once.
    """

    def __init__(self, name: str, path: str, terms: SourceTerms) -> None:
        super().__init__(name, terms)
        self.path = path
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
        extraction = await self._extract(data, name=self.path)
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
            if len(data) > self._terms.size_limit_bytes:
                raise SourceError(
                    f"{self.contacts} is longer than {self._terms.size_limit_bytes} bytes; split it or raise the limit."
                )
        return bytes(data)
