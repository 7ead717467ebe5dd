"""Changes to a settings file: comments stay, and nothing wrong is ever written."""

import stat
from pathlib import Path

import pytest

from shoal.config.edit import SettingsFile, file_to_edit
from shoal.errors import ConfigError

TEXT = """# mine
[check]
concurrency = 7  # the router is small

[[source]]
name = "a"  # paid
inline = "192.0.2.1:80"
enabled = false
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "shoal.toml").write_text(TEXT)
    return tmp_path / "shoal.toml"


def test_comments_and_everything_else_stay(path: Path) -> None:
    file = SettingsFile(path)
    file.set("sources", "disable", ("spys-http",))
    file.set_source("a", "enabled", None)
    file.add_source({"name": "b", "inline": ("192.0.2.2:80",), "tags": ("x",)})
    options = file.save({})
    text = path.read_text()
    assert "# mine" in text and "concurrency = 7  # the router is small" in text and 'name = "a"  # paid' in text
    assert options.sources.disable == ("spys-http",)
    assert [(own.name, own.enabled, own.tags) for own in options.sources.own] == [("a", True, ()), ("b", True, ("x",))]


def test_a_setting_is_removed_by_nothing(path: Path) -> None:
    file = SettingsFile(path)
    file.set("sources", "enable", ("spys-http",))
    file.save({})
    file = SettingsFile(path)
    file.set("sources", "enable", ())
    assert file.save({}).sources.enable == () and "enable =" not in path.read_text()


def test_what_would_be_wrong_is_not_written(path: Path) -> None:
    file = SettingsFile(path)
    file.add_source({"name": "a", "inline": "192.0.2.3:80"})
    with pytest.raises(ConfigError, match="name that another one has") as caught:
        file.save({})
    assert str(path) in str(caught.value)
    assert path.read_text() == TEXT and list(path.parent.iterdir()) == [path]


def test_the_file_keeps_its_mode_and_its_link(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    file = SettingsFile(link)
    file.set("sources", "catalog", True)
    file.save({})
    assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o640 and "catalog = true" in path.read_text()


def test_a_new_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "shoal.toml"
    file = SettingsFile(path)
    file.set("sources", "disable", ())
    file.add_source({"name": "a", "inline": "192.0.2.3:80"})
    file.save({})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_text().startswith("[[source]]")


@pytest.mark.parametrize("text", ["[check", "sources = 1\n", "source = 1\n"])
def test_what_cannot_be_changed_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "shoal.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"shoal\.toml"):
        file = SettingsFile(path)
        file.set("sources", "catalog", True)
        file.add_source({"name": "a"})


def test_the_file_that_is_read_is_the_one_to_change(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_to_edit(path, {}) == path
    monkeypatch.chdir(path.parent)
    assert file_to_edit(None, {}).resolve() == path
    assert file_to_edit(None, {"SHOAL_CONFIG": "/else.toml"}) == Path("/else.toml")
