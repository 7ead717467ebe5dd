"""Builds the site of docs/ with Zensical, which stands in the folder that is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 90.0
"""Seconds. A build takes four; once in many it stood still without a word, and the next one did not."""
TRIES = 3


def build(zensical: Path) -> int:
    """The exit code of the build."""
    environment = {**os.environ, "PYTHONPATH": str(zensical.resolve()), "NO_COLOR": "1"}
    for _ in range(TRIES):
        for left in (ROOT / "build" / "site", ROOT / ".cache"):
            shutil.rmtree(left, ignore_errors=True)
        try:
            words = [sys.executable, "-m", "zensical", "build", "--strict"]
            return subprocess.run(words, cwd=ROOT, env=environment, timeout=PATIENCE, check=False).returncode
        except subprocess.TimeoutExpired:
            print("the build stands still; once more", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1])))
