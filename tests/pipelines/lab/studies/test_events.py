import asyncio
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.errors import FootageError, PipelineError, SourceError
from pipelines.lab.data.footage import (
    Footage,
    LabelledSpan,
    Recording,
    read_footage,
    write_labels,
)
from pipelines.lab.studies.event_report import EventReport, RecordingResult
from pipelines.lab.studies.events import (
    choose_quick,
    evaluate_events,
    predict_recording,
    refuse_unknown_labels,
)
from pipelines.live.subject import WatchSettings
from pipelines.recognition import ActionRecognizer, ClipScores
from pipelines.records import Clip, Prediction
from pipelines.sources.camera.framing import PAD, Framing, crop
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from tests.fakes import COLOURS, ColourRecognizer

RATE_HZ = 12
Scene = Sequence[tuple[str, float]]

FALLEN: Scene = [("walking", 6), ("falling", 1), ("fallen", 6), ("walking", 5)]
CALM: Scene = [("empty room", 4), ("walking", 8)]
FALSE: Scene = [("walking", 4), ("fallen", 5), ("walking", 6)]


def write_video(path: Path, scene: Scene) -> None:
    """Write a video of one colour for each label; the right half is black."""
    labels = chain.from_iterable(
        repeat(label, round(seconds * RATE_HZ)) for label, seconds in scene
    )
    with VideoFileWriter(path, 128, 64, Fraction(RATE_HZ)) as writer:
        for label in labels:
            picture = np.zeros((64, 128, 3), np.uint8)
            picture[:, :64] = COLOURS[label]
            writer.write(picture)


def label_rows(file: str, scene: Scene) -> list[LabelledSpan]:
    ends_s = np.cumsum([seconds for _, seconds in scene], dtype=float).tolist()
    starts_s = [0.0, *ends_s[:-1]]
    return [
        LabelledSpan(file, label, "drawn", start_s, end_s)
        for (label, _), start_s, end_s in zip(scene, starts_s, ends_s, strict=True)
    ]


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """A found fall, a calm room, and what looks like a fall that nobody labelled."""
    folder = tmp_path_factory.mktemp("footage")
    for file, scene in (("fallen.mp4", FALLEN), ("calm.mp4", CALM), ("x.mp4", FALSE)):
        write_video(folder / file, scene)
    playing = [("walking", 4.0), ("playing", 5.0), ("walking", 6.0)]
    rows = label_rows("fallen.mp4", FALLEN) + label_rows("calm.mp4", CALM)
    write_labels(folder / "labels.csv", rows + label_rows("x.mp4", playing))
    return read_footage(folder)


def resolve(label: str) -> str | None:
    return label if label in COLOURS else None


def evaluate(
    recordings: Sequence[Recording],
    framing: Framing = PAD,
    done: list[RecordingResult] | None = None,
) -> EventReport:
    return asyncio.run(
        evaluate_events(
            recordings,
            ColourRecognizer(),
            resolve,
            SystemClock(),
            framing=framing,
            seed=1,
            on_done=(done if done is not None else []).append,
        )
    )


LEFT = crop(0, 0, 0.5, 1)


@pytest.mark.gst
def test_a_folder_is_watched_and_measured(footage: Footage) -> None:
    done: list[RecordingResult] = []

    report = evaluate(footage.recordings, LEFT, done)

    assert [result.file for result in done] == ["fallen.mp4", "calm.mp4", "x.mp4"]
    assert report.figures["recall"].counts == {"found": 1, "falls": 1}
    delay_s = report.figures["delay_p50_s"].value
    # Five of the eight pictures of 3 s must show the fall, for 0.7 s: two steps.
    assert delay_s is not None
    assert 2.0 < delay_s < 3.0
    (false,) = report.false_falls
    assert (false.file, false.truth) == ("x.mp4", "other")
    assert report.unknown_labels == ("playing",)
    assert 6.0 < false.decided_s < 7.0
    assert report.figures["fallen_recall"].value == 1.0


@pytest.mark.gst
def test_hours_are_those_of_the_videos_but_one_picture_each(footage: Footage) -> None:
    report = evaluate(footage.recordings, LEFT)

    seconds = sum(s for scene in (FALLEN, CALM, FALSE) for _, s in scene)
    assert report.hours * 3600 == pytest.approx(seconds - 3 / RATE_HZ, abs=1e-3)


@pytest.mark.gst
def test_every_window_of_a_recording_is_scored(footage: Footage) -> None:
    calm = footage.recordings[1]

    report = evaluate([calm], LEFT)

    # 12 s of steps of 0.375 s; the first picture and the last step have one each.
    assert report.tallies["windows"] == 33
    assert report.tallies["partial_windows"] == 7
    assert report.figures["top1_labels"].counts["windows"] == 33
    share = report.figures["top1_labels"].value
    assert share is not None
    assert share > 0.9


@pytest.mark.gst
def test_what_is_cropped_away_is_not_seen(footage: Footage) -> None:
    report = evaluate(footage.recordings, crop(0.5, 0, 0.5, 1))  # the black half

    assert report.figures["recall"].value == 0.0
    assert report.false_falls == ()
    assert report.missed_falls[0].seen == "empty room"


@pytest.mark.gst
def test_a_video_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("this is no video")
    write_labels(tmp_path / "labels.csv", label_rows("a.mp4", CALM))

    with pytest.raises(SourceError, match=r"^.*a\.mp4: "):
        evaluate(read_footage(tmp_path).recordings)


def test_a_recogniser_without_falls_is_refused() -> None:
    recognizer = ColourRecognizer()
    recognizer.info = replace(recognizer.info, events={"walking": "walking"})

    with pytest.raises(
        PipelineError, match=r"^no label of colours@0+ belongs to the event 'fall'$"
    ):
        asyncio.run(evaluate_events([], recognizer, resolve, SystemClock()))


def test_strict_refuses_an_unknown_label_with_its_line(footage: Footage) -> None:
    with pytest.raises(
        FootageError, match=r"labels\.csv:9: label: 'playing' is neither in the prompt"
    ):
        refuse_unknown_labels(footage, resolve)
    refuse_unknown_labels(footage, str.title)  # knows every label


def recordings_of(lengths_s: Sequence[float]) -> list[Recording]:
    return [
        Recording(
            f"{index}.mp4",
            Path(f"{index}.mp4"),
            (LabelledSpan(f"{index}.mp4", "walking", "drawn", 0.0, length_s),),
            {},
        )
        for index, length_s in enumerate(lengths_s)
    ]


def test_a_quick_choice_fills_its_budget_and_keeps_the_order() -> None:
    recordings = recordings_of([60.0] * 20)

    chosen = choose_quick(recordings, seed=1, budget_s=300.0)

    assert len(chosen) == 5
    assert chosen == sorted(chosen, key=recordings.index)
    assert chosen == choose_quick(recordings, seed=1, budget_s=300.0)
    assert chosen != choose_quick(recordings, seed=2, budget_s=300.0)


def test_a_quick_choice_holds_one_recording_at_least() -> None:
    assert len(choose_quick(recordings_of([60.0, 60.0]), seed=1, budget_s=5.0)) == 1


def recording_with_wearable(folder: Path) -> Recording:
    """Return a recording whose wearable has samples for half of the video."""
    write_video(folder / "calm.mp4", CALM)
    columns = "t_s,ax_mps2,ay_mps2,az_mps2,gx_radps,gy_radps,gz_radps"
    rows = [f"{i / 50},0,0,9.8,0,0,0" for i in range(300)]
    (folder / "calm.waist.imu.csv").write_text("\n".join([columns, *rows]))
    write_labels(folder / "labels.csv", label_rows("calm.mp4", CALM))
    (recording,) = read_footage(folder).recordings
    return recording


def predict(recording: Recording, recognizer: ActionRecognizer) -> list[Prediction]:
    running = predict_recording(
        recording, recognizer, SystemClock(), WatchSettings(), PAD
    )
    predictions, _ = asyncio.run(running)
    return predictions


class WearableRecognizer:
    """A recogniser to which everybody walks, and which needs no pictures."""

    def __init__(self) -> None:
        self.info = replace(ColourRecognizer().info, needs_frames=False)

    async def encode(self, frames: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        rows = np.zeros((len(clips), len(self.info.labels)), np.float32)
        rows[:, self.info.labels.index("walking")] = 1
        assert not any(len(clip.features) for clip in clips)
        return ClipScores(rows, rows, tuple("imu" for _ in clips))


def test_a_recordings_wearable_goes_along(tmp_path: Path) -> None:
    predictions = predict(recording_with_wearable(tmp_path), ColourRecognizer())
    told = [it.modality for it in predictions if not it.partial]
    assert told[0] == "fused"
    assert told[-1] == "video"


def test_a_wearable_can_be_watched_without_its_video(tmp_path: Path) -> None:
    recording = replace(recording_with_wearable(tmp_path), wearable_only=True)
    recording.video.unlink()
    predictions = predict(recording, WearableRecognizer())
    assert {it.modality for it in predictions} == {"imu"}
    assert predictions[-1].end_ns <= 6 * NS_PER_S
