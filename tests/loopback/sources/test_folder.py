from __future__ import annotations

import os
from pathlib import Path

import pytest

from shoal.ports import Harvest, SourceError
from shoal.ports.store import SourceState
from shoal.sources.document import SourceTerms
from shoal.sources.folder import FolderSource


def make(path: Path, limit: int = 1_000_000) -> FolderSource:
    return FolderSource("lists", str(path), SourceTerms(60, size_limit_bytes=limit))


async def read(source: FolderSource, after: Harvest | None = None) -> Harvest:
    return await source.fetch(SourceState("lists", etag=None if after is None else after.etag))


def found(harvest: Harvest) -> list[str]:
    return [str(candidate.endpoint) for candidate in harvest.candidates]


async def test_every_file_is_read_in_its_own_form_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('[{"ip": "8.8.4.4", "port": 80}]')
    (tmp_path / "a.txt").write_text("8.8.8.8:80\n8.8.8.8:99999\n")
    (tmp_path / ".hidden").write_text("9.9.9.9:80\n")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c.txt").write_text("9.9.9.9:80\n")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    harvest = await read(make(tmp_path))
    assert found(harvest) == ["8.8.8.8:80", "8.8.4.4:80"]
    assert harvest.refused == {"bad_port": 1} and harvest.form == "text"
    assert (harvest.bytes_read, harvest.wire_bytes) == (56, 0)


async def test_it_is_read_again_only_when_a_file_is_added_changed_or_removed(tmp_path: Path) -> None:
    source, file = make(tmp_path), tmp_path / "a.txt"
    empty = await read(source)
    assert empty.candidates == () and not empty.unchanged
    file.write_text("8.8.8.8:80\n")
    first = await read(source, empty)
    assert found(first) == ["8.8.8.8:80"]
    again = await read(source, first)
    assert again.unchanged and again.etag == first.etag
    os.utime(file, (1, 1))
    touched = await read(source, first)
    assert found(touched) == ["8.8.8.8:80"]
    (tmp_path / "b.txt").write_text("8.8.4.4:80\n")
    added = await read(source, touched)
    assert found(added) == ["8.8.8.8:80", "8.8.4.4:80"]
    file.unlink()
    assert found(await read(source, added)) == ["8.8.4.4:80"]


async def test_a_folder_that_is_not_there_or_too_big_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read \\(No such file or directory\\)"):
        await read(make(tmp_path / "none"))
    (tmp_path / "a.txt").write_bytes(b"x" * 600)
    (tmp_path / "b.txt").write_bytes(b"x" * 600)
    with pytest.raises(SourceError, match="holds more than 1000 bytes"):
        await read(make(tmp_path, limit=1000))
    for number in range(1000):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(SourceError, match="more than 1000 files"):
        await read(make(tmp_path))
