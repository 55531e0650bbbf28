"""The demonstration with two short rooms, from rendering to the table."""

import json
import subprocess
import sys

import pytest

LEAST_FALLS = 2
ROOMS, SECONDS = 2, 40


@pytest.mark.alone  # samples of a busy machine come too late for their windows
@pytest.mark.gst
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(300)  # footage is rendered, then played in real time
def test_the_demo_plays_its_falls_and_its_exit_code_tells_if_all_were_found() -> None:
    command = [
        *(sys.executable, "-m", "services", "demo", "--json"),
        *("--rooms", str(ROOMS), "--seconds", str(SECONDS)),
    ]

    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    outcome = json.loads(answer.stdout.splitlines()[-1])
    assert outcome["falls"] >= LEAST_FALLS
    assert answer.returncode == (0 if outcome["found"] == outcome["falls"] else 1)
    assert outcome["alarms"] == outcome["found"] + outcome["false_falls"]
    assert outcome["alarms_answered"] == outcome["alarms"]
    assert outcome["alarms_resolved"] <= outcome["alarms"]
    assert outcome["wearables"] == ROOMS
    assert "the console is at http://127.0.0.1:" in answer.stderr
    assert "first login: name admin" in answer.stderr
    assert outcome["fused_ratio"] >= 0.9
    assert 0 < outcome["delivery_p50_s"] <= outcome["delivery_longest_s"]
