"""``wardwatch doctor`` on this machine, and on one that lacks things."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from services.checkup import Check
from services.commands.doctor import make_table

pytestmark = [pytest.mark.gst, pytest.mark.slow]


def run_doctor(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services", "doctor", *options],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def checks_of(answer: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    checks = [json.loads(line) for line in answer.stdout.splitlines()]
    return {check["name"]: check for check in checks}


def test_this_machine_can_do_everything() -> None:
    answer = run_doctor("--json")
    problems = [
        it for it in checks_of(answer).values() if it["needed"] and not it["ok"]
    ]
    assert (problems, answer.returncode) == ([], 0)


def test_a_machine_that_lacks_things_fails_and_says_what_to_install(
    tmp_path: Path,
) -> None:
    answer = run_doctor(
        "--json",
        GST_PLUGIN_SYSTEM_PATH_1_0=str(tmp_path),
        GST_REGISTRY_1_0=str(tmp_path / "registry"),
        MUJOCO_GL="no-such-library",
    )
    checks = checks_of(answer)
    assert answer.returncode == 1
    assert "rtspsrc" in checks["GStreamer elements"]["detail"]
    assert "gstreamer1.0-libav" in checks["GStreamer elements"]["fix"]
    assert "libosmesa6" in checks["rendering"]["fix"]


def test_the_table_shows_marks_and_remedies_as_they_are() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(
        make_table(
            [
                Check("torch", True, "2.13"),
                Check("broker", False, "[gone]", "install it"),
                Check("disk", False, "full", "free some", needed=False),
            ]
        )
    )
    rows = [line.split() for line in console.export_text().splitlines()[1:]]
    assert rows == [
        ["✓", "Torch", "2.13"],
        ["✗", "Broker", "[gone]", "install", "it"],
        ["!", "Disk", "full", "free", "some"],
    ]
