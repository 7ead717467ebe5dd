"""Users from a file."""

from __future__ import annotations

import pytest

from shoal.errors import ConfigError
from shoal.gateway.users import Users
from shoal.options import GatewayOptions


async def test_entries_come_from_a_file_too(tmp_path) -> None:
    file = tmp_path / "users"
    file.write_text("# comment\n\nme:pw\n")
    assert Users(GatewayOptions(users_file=str(file))).required
    with pytest.raises(ConfigError, match="cannot be read"):
        Users(GatewayOptions(users_file=str(tmp_path / "none")))
