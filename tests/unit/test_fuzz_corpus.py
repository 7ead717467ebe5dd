"""The inputs that fuzzing has kept, and all that it ever found, go through their parsers without a fault."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"
TARGETS = sorted(path.name for path in CORPUS.iterdir())
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def targets() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("fuzz_targets")
    finally:
        sys.path.pop(0)


def test_every_target_has_inputs_and_they_stay_small(targets: ModuleType) -> None:
    assert sorted(targets.TARGETS) == TARGETS
    assert sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()) < MOST_BYTES


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs_end_in_a_result_or_a_refusal(targets: ModuleType, name: str) -> None:
    files = sorted((CORPUS / name).iterdir())
    assert files
    for file in files:
        try:
            targets.feed(name, file.read_bytes())
        except Exception as error:
            raise AssertionError(f"{name}/{file.name}") from error


def spliced(pair: tuple[bytes, bytes], cut: float, at: float, stray: bytes) -> bytes:
    """The begin of one kept input, stray bytes, and the end of another."""
    first, second = pair
    return first[: round(cut * len(first))] + stray + second[round(at * len(second)) :]


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_made_of_kept_inputs_does_so_as_well(targets: ModuleType, name: str, data: st.DataObject) -> None:
    """Bytes out of thin air hardly get past a parser's first look: most are kept inputs cut and joined."""
    kept = st.sampled_from([file.read_bytes() for file in sorted((CORPUS / name).iterdir())])
    part = st.floats(0.0, 1.0)
    made = st.builds(spliced, st.tuples(kept, kept), part, part, st.binary(max_size=40))
    targets.feed(name, data.draw(st.one_of(made, made, made, st.binary(max_size=400))))
