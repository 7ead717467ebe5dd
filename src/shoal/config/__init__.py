"""Where settings come from: defaults, one TOML file, the environment and flags, in rising order."""

from shoal.config.explain import settings_markdown, target_fields_table
from shoal.config.folders import config_file, data_folder
from shoal.config.load import load_options
from shoal.config.settings import SETTINGS, Setting
from shoal.config.target_tables import configured_targets

__all__ = [
    "SETTINGS",
    "Setting",
    "config_file",
    "configured_targets",
    "data_folder",
    "load_options",
    "settings_markdown",
    "target_fields_table",
]
