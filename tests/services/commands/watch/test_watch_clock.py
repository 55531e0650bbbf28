"""``watch`` while the machine's clock is set: a machine without a battery-backed one.

libfaketime sets the clock that the process reads, not the machine's.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.clock import SystemClock, utc_datetime
from services.demo.rtsp_process import RtspServer
from tests.camera_rig import write_numbered

pytestmark = [pytest.mark.gst, pytest.mark.slow]

(LIBRARY,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
AN_HOUR = timedelta(hours=1)
CORRECTED = "the clock was corrected by +31.0 d"


@contextmanager
def watching(
    address: str, checkpoint: Path, faked: Path, errors: Path
) -> Iterator[subprocess.Popen[str]]:
    """The command as a process whose clock is off by what a file says."""
    program = "from services.cli import main; main()"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(faked),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    command = [sys.executable, "-c", program, "watch", address, "--json"]
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*command, "--model", str(checkpoint)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def read(
    process: subprocess.Popen[str], predictions: int, time_base: str
) -> list[dict[str, Any]]:
    """Lines up to so many predictions, and until the camera has a time base."""
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    count, base = 0, ""
    for text in process.stdout:
        lines.append(json.loads(text))
        count += lines[-1]["type"] == "prediction"
        base = lines[-1].get("time_base", base)
        if count >= predictions and time_base in (base, ""):
            return lines
    msg = f"it ended after {lines[-3:]}"
    raise AssertionError(msg)


def of_kind(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["type"] == kind]


def test_times_follow_a_clock_that_is_set_right_by_a_month(
    tmp_path: Path, checkpoint: Path
) -> None:
    video = write_numbered(tmp_path / "a.mp4", 48)
    faked, errors = tmp_path / "clock", tmp_path / "errors"
    faked.write_text("-31d")
    with (
        RtspServer({"bed": video}, loop=True) as server,
        watching(server.address("bed"), checkpoint, faked, errors) as process,
    ):
        before = of_kind(read(process, 12, ""), "prediction")
        (part := tmp_path / "part").write_text("+0")
        part.replace(faked)
        read(process, 4, "")  # decided before, and on their way
        lines = read(process, 12, "sender")

    now = utc_datetime(SystemClock().now_ns())
    ends = [datetime.fromisoformat(line["end_at"]) for line in before]
    assert all(abs(now - timedelta(days=31) - end) < AN_HOUR for end in ends)
    after = of_kind(lines, "prediction")
    ends = [datetime.fromisoformat(line["end_at"]) for line in after]
    assert all(abs(now - end) < AN_HOUR for end in ends)
    assert ends == sorted(ends)
    assert not any(line["partial"] or line["missing_frames"] for line in after)
    assert {
        line["reason"] for line in of_kind(lines, "status") if "reason" in line
    } <= {""}
    # While the file is replaced, the faked clock may be there, back and there again.
    said = errors.read_text()
    assert said.count(CORRECTED) - said.count(CORRECTED.replace("+", "-")) == 1
