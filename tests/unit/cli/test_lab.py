"""What ``shoal lab`` prints, and its flags."""

import json
import shlex

from shoal.cli.lab import MAX_SIZE, PRESETS, index_text, up_command
from shoal.lab import Preset
from shoal.lab.population import _MAX_SIZE

INDEX = {"control": "http://127.0.0.1:1", "lists": ("http://a/",), "judges": ("http://b/#key=x",), "ca": "/d d/ca.pem"}


def test_the_presets_and_bounds_are_the_labs() -> None:
    assert tuple(Preset) == PRESETS and MAX_SIZE == _MAX_SIZE


def test_the_index_is_one_line_for_programs_and_names_the_truth() -> None:
    text = index_text(INDEX, pretty=False)
    assert "\n" not in text
    assert json.loads(text)["truth"] == "http://127.0.0.1:1/truth"
    assert json.loads(index_text(INDEX, pretty=True)) == json.loads(text)


def test_the_command_line_can_be_pasted() -> None:
    words = shlex.split(up_command(INDEX))
    assert words[:2] == ["shoal", "up"]
    assert words[words.index("--judge") + 1] == "http://b/#key=x"
    assert words[words.index("--judge-ca") + 1] == "/d d/ca.pem"
