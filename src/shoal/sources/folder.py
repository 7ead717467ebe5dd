"""Every file in a folder."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from pathlib import Path

from msgspec import Struct

from shoal.domain import Candidate
from shoal.ports import Harvest, SourceError
from shoal.ports.store import SourceState
from shoal.sources.apart import apart
from shoal.sources.document import DocumentSource, SourceTerms

_FILES_LIMIT = 1000
"""More files are an accident: somebody named the wrong folder."""


class _File(Struct, frozen=True):
    path: Path
    data: bytes


class FolderSource(DocumentSource):
    """Reads the files that lie directly in a folder (not hidden ones) in the order of their names, and all of them
    again when one was added, changed or removed: a digest of names, times and sizes is kept as the state's ``etag``.

    What a removed file named is no longer listed from then on: public entries age out of the pool, the user's own
    stay until they are deleted, as own entries do. A file that cannot be read is left out while others can.
    """

    def __init__(self, name: str, path: str, terms: SourceTerms) -> None:
        super().__init__(name, terms)
        self.path = path

    @property
    def contacts(self) -> str:
        return self.path

    async def fetch(self, state: SourceState) -> Harvest:
        """Read what there is if anything changed. Raises ``SourceError``."""
        try:
            mark, files = await apart(lambda: self._read(state.etag), name="shoal-read-folder")
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read ({error.strerror or error}).") from error
        if files is None:
            return Harvest(unchanged=True, etag=mark)
        candidates: dict[Candidate, None] = {}
        refused: Counter[str] = Counter()
        form = ""
        for file in files:
            extraction = await self._extract(file.data, name=file.path.name)
            candidates.update(dict.fromkeys(extraction.candidates))
            refused.update(extraction.refused)
            form = form or extraction.form
        size = sum(len(file.data) for file in files)
        return Harvest(candidates=tuple(candidates), refused=dict(refused), etag=mark, bytes_read=size, form=form)

    def _read(self, known: str | None) -> tuple[str, list[_File] | None]:
        """The folder's mark and its files; None when the mark is the known one."""
        mark = hashlib.blake2b(digest_size=12)
        paths: list[Path] = []
        with os.scandir(self.path) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.name.startswith("."):
                    continue
                try:
                    info = entry.stat()
                except OSError:
                    continue  # it has gone meanwhile, or is a link that leads nowhere
                if stat.S_ISREG(info.st_mode):
                    paths.append(Path(entry.path))
                    mark.update(f"{entry.name}\0{info.st_mtime_ns}\0{info.st_size}\0".encode(errors="surrogateescape"))
        if len(paths) > _FILES_LIMIT:
            raise SourceError(f"{self.path} holds more than {_FILES_LIMIT} files; name a folder that holds only lists.")
        if mark.hexdigest() == known:
            return known, None
        return mark.hexdigest(), self._contents(paths)

    def _contents(self, paths: list[Path]) -> list[_File]:
        files: list[_File] = []
        failure: OSError | None = None
        room = self._terms.size_limit_bytes
        for path in paths:
            try:
                with path.open("rb") as file:
                    data = file.read(room + 1)
            except OSError as error:
                failure = error
                continue
            room -= len(data)
            if room < 0:
                raise SourceError(
                    f"{self.path} holds more than {self._terms.size_limit_bytes} bytes; split it or raise the limit."
                )
            files.append(_File(path, data))
        if failure is not None and not files:
            raise failure
        return files
