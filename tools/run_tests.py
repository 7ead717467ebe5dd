"""``python tools/run_tests.py JOBS [flags of pytest]``: all tests in JOBS processes; what failed once more, alone.

Some tests run a whole cluster, a browser or a lab beside the others, on machines that are shared. What fails there and
passes alone is named at the end and does not fail the run, as in CPython's own runner (``regrtest --rerun``); what
fails twice does, and so does a run in which more than a few failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

FEW = 8
"""More than that is no matter of a busy machine."""
FAILED = 1
"""Exit code of pytest: it ran to its end, and tests failed."""


def suite(*flags: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *flags], check=False).returncode


def main(jobs: str, *flags: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        kept = ("-o", f"cache_dir={folder}")
        # Spread by number: loadfile leaves out, without a word, tests that share a name, as those of an API schema do.
        code = suite("-n", jobs, "--dist", "loadgroup", "-m", "not real_data", *kept, *flags)
        if code != FAILED:
            return code
        failed = sorted(json.loads(Path(folder, "v/cache/lastfailed").read_text()))
        if not 0 < len(failed) <= FEW:
            return code
        print(f"\n{len(failed)} failed beside others; once more, alone:\n", flush=True)
        code = suite("-n", "0", *kept, *failed)
        twice = json.loads(Path(folder, "v/cache/lastfailed").read_text()) if code else {}
    print()
    for name in failed:
        print(f"{'FAILED TWICE' if name in twice else 'FAILED BESIDE OTHERS, PASSED ALONE'} {name}")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
