"""The table of settings is complete and true to the options."""

from shoal.config import SETTINGS
from shoal.config.settings import FLAGS, HIDDEN, SECRETS
from shoal.options import Options


def test_every_option_stands_in_the_table_with_its_default_and_help() -> None:
    options = Options()
    keys = {setting.key for setting in SETTINGS}
    fields = {f"{g}.{n}" for g in Options.__struct_fields__ for n in getattr(options, g).__struct_fields__}
    tables = {"sources.own", "targets.own"}
    assert keys == fields - tables
    for setting in SETTINGS:
        assert getattr(getattr(options, setting.group), setting.name) == setting.default
        assert len(setting.help) > 10, f"{setting.key} has no help"


def test_flags_and_secrets_name_real_settings() -> None:
    keys = {setting.key for setting in SETTINGS}
    assert set(FLAGS) <= keys
    assert keys >= HIDDEN >= SECRETS


def test_environment_names_are_distinct() -> None:
    assert len({setting.environment for setting in SETTINGS}) == len(SETTINGS)
