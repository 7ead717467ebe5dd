"""Keys and certificates of ``shoal judge``."""

from pathlib import Path

import pytest

from shoal.cli.judge import read_key, tls_context
from shoal.errors import ConfigError


def test_the_key_comes_from_a_flag_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" k2\n")
    assert read_key("k1", None) == b"k1"
    assert read_key(None, str(tmp_path / "key")) == b"k2"
    assert read_key(None, None) is None


@pytest.mark.parametrize(("key", "file", "told"), [("a", "b", "both"), (None, "/nonexistent", "cannot be read")])
def test_a_key_that_cannot_be_told_is_an_error(key: str | None, file: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_key(key, file)


def test_an_empty_key_file_does_not_mean_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        read_key(None, str(tmp_path / "key"))


def test_certificate_and_key_belong_together(tmp_path: Path) -> None:
    assert tls_context(None, None) is None
    with pytest.raises(ConfigError, match="give both"):
        tls_context("cert.pem", None)
    with pytest.raises(ConfigError, match="cannot be used"):
        tls_context(str(tmp_path / "none.pem"), str(tmp_path / "none.pem"))
