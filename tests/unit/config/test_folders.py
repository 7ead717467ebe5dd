"""Where files live."""

from pathlib import Path

import msgspec
import pytest

from shoal.config import data_folder
from shoal.options import Options, StoreOptions


def test_the_data_folder_is_the_named_one_else_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert data_folder(Options()) == Path("/somewhere/shoal")
    assert data_folder(msgspec.structs.replace(Options(), store=StoreOptions(data="/srv/x"))) == Path("/srv/x")
