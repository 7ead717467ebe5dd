"""A short run of the trial of faults: our own network gone while the gateway is in use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TRIAL = Path(__file__).parents[2] / "tools" / "fault_trial.py"


@pytest.mark.timeout(400)
@pytest.mark.skipif(sys.platform != "linux", reason="the lab needs Linux")
def test_a_gateway_in_use_while_the_network_is_gone_costs_no_proxy_its_name() -> None:
    """Requests fail before any judge tells that it is our network: what is known must survive these seconds as well."""
    done = subprocess.run(
        [sys.executable, str(TRIAL), "network", "--seconds", "25", "--size", "100"],
        capture_output=True,
        text=True,
        timeout=380,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert [word.split()[0] for word in told["picks_meanwhile"]] == ["200"], told
    assert [word.split()[0] for word in told["readyz_meanwhile"]] == ["200"] * len(told["readyz_meanwhile"]), told
    assert told["lost"] == []
