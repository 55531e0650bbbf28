import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.clock import NS_PER_S
from pipelines.lab.data.footage import read_footage
from pipelines.sources.gstreamer.core import Gst, element, make_pipeline
from services.command_line import app, run

STEP_S = 0.375

pytestmark = [
    pytest.mark.real,
    pytest.mark.gst,
    pytest.mark.skipif(
        "WARDWATCH_FOOTAGE" not in os.environ, reason="WARDWATCH_FOOTAGE is not set"
    ),
]


def clips() -> list[str]:
    folder = os.environ.get("WARDWATCH_FOOTAGE")
    if folder is None:
        return []
    return [recording.file for recording in read_footage(Path(folder)).recordings]


def presentation_times_s(path: Path) -> list[float]:
    """The time of every picture in a file, as its container says."""
    pipeline = make_pipeline(
        "filesrc name=file ! decodebin ! appsink name=pictures sync=false"
    )
    element(pipeline, "file").set_property("location", str(path))
    pictures = element(pipeline, "pictures")
    pipeline.set_state(Gst.State.PLAYING)
    times = []
    while (sample := pictures.emit("pull-sample")) is not None:
        buffer, segment = sample.get_buffer(), sample.get_segment()
        stream_ns = segment.to_stream_time(Gst.Format.TIME, buffer.pts)
        times.append(stream_ns / NS_PER_S)
    # An error, too, ends the samples: these are all of them only if the stream ended.
    ending = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(30 * NS_PER_S, ending)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None
    assert message.type == Gst.MessageType.EOS
    return times


@pytest.mark.parametrize("file", clips())
def test_a_real_clip_is_predicted_throughout_at_the_times_of_its_pictures(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(os.environ["WARDWATCH_FOOTAGE"]) / file
    assert run(app, ["watch", str(path), "--json"]) == 0

    lines: list[dict[str, Any]] = [
        json.loads(line) for line in capsys.readouterr().out.splitlines()
    ]
    predictions = [line for line in lines if line["type"] == "prediction"]
    times = presentation_times_s(path)
    assert predictions[0]["partial"]
    # The first picture of the first tick, and the last picture of all.
    assert predictions[0]["t_start_s"] <= times[0] + STEP_S
    assert predictions[-1]["t_end_s"] == pytest.approx(times[-1], abs=1e-5)
    ends = [p["t_end_s"] for p in predictions]
    for end_s in ends:
        assert min(abs(end_s - time_s) for time_s in times) < 1e-5
    longest_gap_s = max(b - a for a, b in itertools.pairwise(times))
    steps = [b - a for a, b in itertools.pairwise(ends)]
    assert max(steps) <= 2 * STEP_S + longest_gap_s
    whole = [p for p in predictions if not p["partial"]]
    assert all(p["t_end_s"] >= 7 * STEP_S - longest_gap_s - STEP_S for p in whole)
