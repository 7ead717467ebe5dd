"""What ``shoal lab --settings`` writes is a settings file that Shoal reads."""

from __future__ import annotations

from pathlib import Path

from shoal.cli.lab import settings_text
from shoal.config import load_options


def test_the_settings_of_a_pool_against_the_lab_are_read_back(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    judges = ['http://127.0.0.1:9/check/#key=a"b', "https://127.0.0.1:10/check/"]
    index = {"lists": ["http://127.0.0.1:8/a.txt"], "judges": judges, "ca": str(ca)}
    file = tmp_path / "shoal.toml"
    file.write_text(settings_text(index))
    options = load_options({}, file=file, environ={})
    assert (options.judge.urls, options.sources.urls) == (tuple(judges), ("http://127.0.0.1:8/a.txt",))
    assert options.judge.ca_file == str(ca) and not options.sources.catalog
    assert options.admission.allow_public == options.gateway.allow_target == ("127.0.0.0/8",)
