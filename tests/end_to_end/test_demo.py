"""The demonstration as it is, from rendering to the table, in real time."""

import json
import subprocess
import sys

import pytest

LEAST_FALLS = 4


@pytest.mark.gst
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(300)  # a minute of footage is rendered thrice, then played
def test_the_demo_plays_its_falls_and_its_exit_code_tells_if_all_were_found() -> None:
    command = [sys.executable, "-m", "services", "demo", "--json"]

    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    outcome = json.loads(answer.stdout.splitlines()[-1])
    assert outcome["falls"] >= LEAST_FALLS
    assert answer.returncode == (0 if outcome["found"] == outcome["falls"] else 1)
    assert outcome["wearables"] == 4
    assert outcome["fused_ratio"] >= 0.9
    assert 0 < outcome["delivery_p50_s"] <= outcome["delivery_longest_s"]
