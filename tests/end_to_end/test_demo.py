"""The demonstration as it is, from rendering to the table, in real time."""

import json
import subprocess
import sys

import pytest

LEAST_FALLS = 4


@pytest.mark.gst
@pytest.mark.slow
@pytest.mark.timeout(300)  # a minute of footage is rendered thrice, then played
def test_the_demo_finds_every_fall() -> None:
    command = [sys.executable, "-m", "services", "demo", "--json"]

    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stderr
    outcome = json.loads(answer.stdout.splitlines()[-1])
    assert outcome["falls"] >= LEAST_FALLS
    assert outcome["found"] == outcome["falls"]
    assert outcome["wearable_samples"] > 0
