"""Recordings with faults that were met in the field."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from services.command_line import app, run

pytestmark = [
    pytest.mark.real,
    pytest.mark.gst,
    pytest.mark.skipif(
        "WARDWATCH_FOOTAGE" not in os.environ, reason="WARDWATCH_FOOTAGE is not set"
    ),
]


def watch(
    capsys: pytest.CaptureFixture[str], name: str, *options: str
) -> tuple[list[dict[str, Any]], str]:
    faults = Path(os.environ["WARDWATCH_FOOTAGE"]) / "faults"
    files = [str(faults / it) if it.endswith(".csv") else it for it in options]
    assert run(app, ["watch", str(faults / name), *files, "--json"]) == 0
    out, err = capsys.readouterr()
    said = [line for line in err.splitlines() if name in line]
    return [json.loads(line) for line in out.splitlines()], "\n".join(said)


def test_two_seconds_of_wild_times_do_not_hide_the_fall(
    capsys: pytest.CaptureFixture[str],
) -> None:
    worn = "one_wild_time.waist.imu.csv"
    lines, said = watch(capsys, "one_wild_time.mkv", "--imu", worn)

    falls = [line for line in lines if line.get("name") == "fall"]
    assert [line["state"] for line in falls] == ["started", "ended"]
    assert max(it["t_end_s"] for it in lines if it["type"] == "prediction") < 20
    assert "24 of 240 pictures jump away" in said
    assert "\n" not in said


def test_a_stream_without_times_is_watched(capsys: pytest.CaptureFixture[str]) -> None:
    lines, said = watch(capsys, "no_timing.h264")

    assert sum(line["type"] == "prediction" for line in lines) > 20
    assert "none of 240 pictures has a time" in said


def test_the_film_is_watched_and_not_its_thumbnail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines, said = watch(capsys, "thumbnail_track_first.mkv")

    assert max(it["t_end_s"] for it in lines if it["type"] == "prediction") > 5
    assert said == ""
