"""Lists that are checked: files, several of them, pipes, broken ones."""

import os
from pathlib import Path

import pytest

import shoal.cli.entries
from shoal.cli.entries import Lists
from shoal.domain import Candidate, Refused
from shoal.errors import ConfigError


def test_files_of_different_forms_are_read_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("192.0.2.1:80\nsocks5://192.0.2.2:1080\n192.0.2.3:0\n")
    (tmp_path / "b.json").write_text('[{"ip": "192.0.2.4", "port": 3128}]')
    lists = Lists([str(tmp_path / "a.txt"), str(tmp_path / "b.json")])
    entries = list(lists)
    hosts = [entry.endpoint.host for entry in entries if isinstance(entry, Candidate)]
    assert hosts == ["192.0.2.1", "192.0.2.2", "192.0.2.4"]
    assert [entry[0] for entry in entries if not isinstance(entry, Candidate)] == [Refused.BAD_PORT]
    assert lists.total == len(entries) == 4
    lists.close()


def test_long_lists_are_streamed_and_their_length_guessed_by_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shoal.cli.entries, "COUNTED_BYTES", 10)
    (tmp_path / "a.txt").write_text("192.0.2.1:80\n192.0.2.2:80\n")
    lists = Lists([str(tmp_path / "a.txt")])
    assert lists.total == 2 and len(list(lists)) == 2
    lists.close()


def test_a_pipe_can_be_a_list() -> None:
    read, write = os.pipe()
    os.write(write, b"192.0.2.1:80\n")
    os.close(write)
    lists = Lists([f"/dev/fd/{read}"])
    assert lists.total == 1
    lists.close()
    os.close(read)


def test_every_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Lists([str(tmp_path / "a"), str(tmp_path)])
    assert [problem.rpartition(": ")[2] for problem in caught.value.problems] == [
        "no such file or directory",
        "is a directory",
    ]
