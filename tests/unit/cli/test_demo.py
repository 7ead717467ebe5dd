"""The settings of a demo."""

from pathlib import Path

from msgspec.structs import replace

from shoal.cli.demo import options_for
from shoal.options import Options, SourceOptions, StoreOptions

INDEX = {"lists": ["http://127.0.0.1:1/a"], "judges": ["http://127.0.0.1:2/#key=k"], "ca": "/lab/ca.pem"}


def test_the_lab_takes_the_place_of_the_internet() -> None:
    options = options_for(Options(), INDEX, Path("/tmp/x"))
    assert options.sources.urls == ("http://127.0.0.1:1/a",) and options.sources.catalog is False
    assert options.judge.urls == ("http://127.0.0.1:2/#key=k",) and options.judge.public is False
    assert options.judge.ca_file == "/lab/ca.pem" and options.store.data == "/tmp/x"
    assert options.admission.allow == options.admission.allow_public == ("127.0.0.0/8",)


def test_what_the_user_names_stays() -> None:
    own = replace(Options(), sources=SourceOptions(urls=("own.txt",)), store=StoreOptions(data="/own"))
    options = options_for(own, INDEX, Path("/tmp/x"))
    assert options.sources.urls == ("own.txt",) and options.store.data == "/own"
