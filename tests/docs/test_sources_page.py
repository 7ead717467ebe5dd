"""docs/sources.md says what the code does: tables and examples."""

import re
from pathlib import Path

import pytest

from shoal.config import load_options
from shoal.options import OwnSource
from shoal.sources.catalog import load_aliases, load_catalog

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")


def test_every_row_alias_and_field_is_documented() -> None:
    for name in (*[row.name for row in load_catalog()], *load_aliases(), *OwnSource.__struct_fields__):
        assert f"`{name}`" in PAGE or name == "base", name


def test_it_says_that_nothing_was_tried_against_the_real_sites() -> None:
    assert "never tried against the real sites" in PAGE


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_are_settings_that_load(number: int, tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    file = tmp_path / "shoal.toml"
    file.write_text(examples[number])
    options = load_options({}, file=file).sources
    assert options.enable if number == 0 else len(options.own) == 4
