"""The network gone for a minute and back: is the pool still there, and does it say what is wrong?

Starts `shoal demo` and stops its simulated internet (judges, lists and proxies alike answer nothing) with SIGSTOP; all
on 127.0.0.0/8. Told are how many proxies the pool holds for working before, meanwhile and afterwards, what it says of
itself, and how soon the gateway serves again.

    python tools/fault_trial.py --seconds 60
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from soak import free_port, wait_until_up

PATIENCE = 60.0


def ask(port: int, path: str) -> tuple[int, str]:
    """Status (0: no answer) and body."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        link.close()


def working(api: int) -> int:
    return int(json.loads(ask(api, "/v1/stats")[1])["working"])


def lab_of(pid: int) -> int:
    """The demo's simulated internet: its one child."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def trial(seconds: float, size: int) -> dict[str, Any]:
    api, gateway = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="shoal-fault-") as folder:
        log = Path(folder) / "log"
        words = ["demo", "--size", str(size), "--api", f"127.0.0.1:{api}", "--gateway", f"127.0.0.1:{gateway}"]
        with log.open("wb") as out:
            pool = subprocess.Popen([sys.executable, "-m", "shoal", *words], stdout=out, stderr=out)
        try:
            wait_until_up(pool, api)
            # Until the first round of checks is over, the number still grows.
            before = -1
            while (now := working(api)) > before:
                before = now
                time.sleep(5.0)
            lab = lab_of(pool.pid)
            os.kill(lab, signal.SIGSTOP)
            meanwhile, said, gone = [], set[str](), time.monotonic()
            try:
                while time.monotonic() < gone + seconds:
                    time.sleep(min(5.0, seconds / 4))
                    meanwhile.append(working(api))
                    status, body = ask(api, "/readyz")
                    said.add(f"{status} {body[:300]}")
            finally:
                os.kill(lab, signal.SIGCONT)
            back, first = time.monotonic(), None
            while first is None and time.monotonic() < back + PATIENCE:
                if ask(gateway, f"http://127.0.0.1:{api}/check/")[0] == 200:
                    first = round(time.monotonic() - back, 2)
            time.sleep(20.0)
            after = working(api)
            alive = pool.poll() is None
        finally:
            pool.send_signal(signal.SIGTERM)
            try:
                pool.wait(30)
            finally:
                pool.kill()
        text = log.read_text(errors="replace")
    return {
        "gone_for_s": seconds,
        "working": {"before": before, "meanwhile_at_least": min(meanwhile), "20_s_after": after},
        "readyz_meanwhile": sorted(said),
        "gateway_serves_again_after_s": first,
        "warnings": [line[21:300] for line in text.splitlines() if " warning " in line][-6:],
        "alive_at_the_end": alive,
        "tracebacks": text.count("Traceback"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="The network gone for a while, and what the pool makes of it.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--size", type=int, default=400, help="proxies of the lab")
    options = parser.parse_args()
    result = trial(options.seconds, options.size)
    print(json.dumps(result, indent=2))
    raise SystemExit(0 if result["alive_at_the_end"] and result["gateway_serves_again_after_s"] is not None else 1)


if __name__ == "__main__":
    main()
