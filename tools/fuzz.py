"""Coverage-guided fuzzing of every parser that eats foreign bytes: `make fuzz`, or for one parser
`python tools/fuzz.py lists -max_total_time=600`.

Needs atheris, which no test needs: hypothesis runs smaller campaigns of the same kind in `make test`, and
`tests/unit/test_fuzz_corpus.py` runs the inputs that are kept in `tests/corpus/TARGET`. Flags are those of libFuzzer.
Without a target each has its share of the time, one after another. What is found lands in `build/fuzz/TARGET`;
`--keep` takes over from there what reaches code that the kept inputs do not.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tests" / "corpus"
FOUND = ROOT / "build" / "fuzz"
PARSERS = [
    f"shoal.{name}"
    for name in (
        "wire", "sources", "config", "policy", "probe", "upstream", "links", "judge.multipart", "stores.codec",
        "stores.redis.blob", "gateway.http_request", "gateway.quick_head",
    )
]  # fmt: skip
"""What is looked into. To look into all would cost more time than the campaign."""
SECONDS = 600
"""Of a whole campaign, where no flag says how many."""
LONGEST = 8_192
"""Bytes of an input: well above every limit that the parsers are given here."""
KEPT_BYTES = 16_384
"""Of the kept inputs of one target: small ones first, so that the repository stays small."""


KEPT_INPUTS = 64
"""Of one target: files are read one by one whenever the tests run."""


def run_here(name: str, flags: Sequence[str]) -> None:
    """Fuzz one target in this process; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=PARSERS):
        from fuzz_targets import feed

    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    bounds = (f"-artifact_prefix={FOUND}/{name}-", f"-max_len={LONGEST}", "-timeout=20", "-print_final_stats=1")
    kept = [str(KEPT / name)] if (KEPT / name).is_dir() else []
    atheris.Setup([sys.argv[0], *bounds, *flags, str(found), *kept], lambda data: feed(name, data))
    atheris.Fuzz()


def campaign(names: Sequence[str], flags: Sequence[str]) -> int:
    """Fuzz targets one after another; the number of those in which something was found."""
    if not any(flag.startswith(("-max_total_time", "-runs")) for flag in flags):
        flags = [*flags, f"-max_total_time={max(1, SECONDS // len(names))}"]
    faults = 0
    for name in names:
        before = os.times()
        began = time.monotonic()
        words = [sys.executable, str(Path(__file__)), "--one", name, *flags]
        done = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace")
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        inputs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        words_end = "nothing found" if done.returncode == 0 else f"FOUND, see {FOUND}/{name}-*"
        print(
            f"{name:<10} {int(inputs[1]) if inputs else 0:>10,} inputs {spent:>8.1f} CPU s "
            f"{time.monotonic() - began:>8.1f} s  {words_end}",
            flush=True,
        )
        if done.returncode:
            faults += 1
            print(done.stdout[-3000:] + done.stderr[-3000:], flush=True)
    return faults


def keep(names: Sequence[str]) -> None:
    """Take the smallest set of found inputs that reaches all that is reached, as far as it fits."""
    for name in names:
        merged = FOUND / f"{name}.merged"
        place = KEPT / name
        place.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(merged, ignore_errors=True)
        # What is in the folder that libFuzzer merges into counts as reached.
        shutil.copytree(place, merged)
        words = [sys.executable, str(Path(__file__)), "--merge", name, str(merged)]
        subprocess.run(words, check=True, capture_output=True)
        left = KEPT_BYTES - sum(file.stat().st_size for file in place.iterdir())
        kept = {file.read_bytes() for file in place.iterdir()}
        taken = 0
        for file in sorted(merged.iterdir(), key=lambda file: (file.stat().st_size, file.name)):
            data = file.read_bytes()
            if data in kept:
                continue
            if len(data) > left or len(kept) + taken >= KEPT_INPUTS:
                break
            (place / file.name[:16]).write_bytes(data)
            left -= len(data)
            taken += 1
        print(f"{name:<10} {taken} inputs taken, {KEPT_BYTES - left:,} bytes kept")


def merge_here(name: str, place: str) -> None:
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    # libFuzzer merges in processes of its own, which a shell starts by this name.
    itself = shlex.join([sys.executable, str(Path(__file__).resolve()), "--bare", name])
    bare(name, [itself, "-merge=1", f"-max_len={LONGEST}", place, str(found)])


def bare(name: str, words: Sequence[str]) -> None:
    """libFuzzer on one target with these words and no others."""
    import atheris

    with atheris.instrument_imports(include=PARSERS):
        from fuzz_targets import feed

    atheris.Setup(list(words), lambda data: feed(name, data))
    atheris.Fuzz()


def main() -> None:
    match sys.argv[1:]:
        case ["--one", name, *flags]:
            run_here(name, flags)
        case ["--merge", name, place]:
            merge_here(name, place)
        case ["--bare", name, *flags]:
            bare(name, [sys.argv[0], *flags])
        case words:
            from fuzz_targets import TARGETS

            names = [word for word in words if not word.startswith("-")] or list(TARGETS)
            if unknown := [name for name in names if name not in TARGETS]:
                raise SystemExit(f"no target {unknown[0]}; there are {', '.join(TARGETS)}")
            if "--keep" in words:
                keep(names)
            else:
                raise SystemExit(min(1, campaign(names, [word for word in words if word.startswith("-")])))


if __name__ == "__main__":
    main()
