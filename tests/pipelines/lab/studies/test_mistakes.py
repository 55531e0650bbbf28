from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.clock import NS_PER_S
from pipelines.lab.data.footage import LabelledSpan
from pipelines.lab.data.truth import read_truth
from pipelines.lab.studies.event_report import (
    EventReport,
    RecordingResult,
    score_events,
)
from pipelines.lab.studies.matching import Episode
from pipelines.lab.studies.mistakes import draw_mistakes, worst_mistakes
from pipelines.lab.studies.pose_track import PoseTrack
from pipelines.recognition import RecognizerInfo

LABELS = ("walking", "falling", "fallen")
INFO = RecognizerInfo(
    model="tiny",
    prompt_set="ward@0",
    labels=LABELS,
    events={"walking": "walking", "falling": "fall", "fallen": "fall"},
    image_size_px=32,
)


def recording(file: str, *falls: tuple[float, float]) -> RecordingResult:
    """A recording in which nobody falls, and the falls that were seen in it."""
    spans = [LabelledSpan(file, "walking", "", 0.0, 60.0)]
    truth = read_truth(spans, {name: name for name in LABELS}.get)
    episodes = tuple(
        Episode(at(start_s), at(start_s + 1), at(start_s + 4), score)
        for start_s, score in falls
    )
    return RecordingResult(file, truth, at(60), (), episodes)


def at(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def report(*results: RecordingResult) -> EventReport:
    return score_events(results, INFO, 1)


def track(duration_s: float, *, found: bool) -> PoseTrack:
    """Somebody who stands still for the whole time."""
    steps = round(duration_s * 8)
    joints = np.zeros((steps, 13, 3), np.float32)
    joints[..., 0] = np.linspace(0.3, 0.7, 13)
    joints[..., 1] = np.linspace(0.2, 0.9, 13)
    joints[..., 2] = 1.0
    times = np.arange(steps) * (NS_PER_S // 8)
    return PoseTrack(times, joints, np.full(steps, found))


def coloured_pixels(path: Path) -> int:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    return int((pixels.max(axis=2) - pixels.min(axis=2) > 60).sum())


def test_the_surest_mistake_comes_first() -> None:
    spans = [
        LabelledSpan("b.mp4", "falling", "", 10.0, 11.0),
        LabelledSpan("b.mp4", "fallen", "", 11.0, 20.0),
    ]
    truth = read_truth(spans, {name: name for name in LABELS}.get)
    missed = replace(recording("b.mp4"), truth=truth)
    found = report(recording("a.mp4", (5.0, 0.7), (30.0, 0.95)), missed)

    mistakes = worst_mistakes(found)

    # A missed fall without a window has the highest score of 0.
    assert [each.file for each in mistakes] == ["b.mp4", "a.mp4", "a.mp4"]
    assert [round(each.size, 2) for each in mistakes] == [1.0, 0.95, 0.7]
    assert mistakes[0].from_s == 9.0
    assert mistakes[1].from_s == 29.0
    assert "false fall at 31.0 s, score 0.95; really walking" in mistakes[1].text


def test_a_page_shows_the_poses_about_each_mistake(tmp_path: Path) -> None:
    result = recording("a.mp4", (30.0, 0.95))
    mistakes = worst_mistakes(report(result))
    results = {"a.mp4": result}

    page = tmp_path / "seen.png"
    draw_mistakes(mistakes, {"a.mp4": track(60, found=True)}, results, page)
    nobody = tmp_path / "nobody.png"
    draw_mistakes(mistakes, {"a.mp4": track(60, found=False)}, results, nobody)
    short = tmp_path / "short.png"
    draw_mistakes(mistakes, {"a.mp4": track(31, found=True)}, results, short)

    assert coloured_pixels(nobody) == 0
    # 4 of the 10 moments are before the end of the short track: 29 s to 30.5 s.
    assert 0.3 < coloured_pixels(short) / coloured_pixels(page) < 0.5


def test_a_page_without_mistakes_says_so(tmp_path: Path) -> None:
    draw_mistakes([], {}, {}, tmp_path / "none.png")
    with Image.open(tmp_path / "none.png") as image:
        assert image.format == "PNG"
        assert np.asarray(image.convert("L")).min() < 100  # the title
