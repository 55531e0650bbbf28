"""The chain as a whole on drawn rows of frames: w walks, f falls, l lies."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np
import pytest

from pipelines.live.events.settings import EventSettings
from pipelines.live.inference import ReuseSettings
from pipelines.live.observer import Tally
from pipelines.live.recorded import in_time_order
from pipelines.live.subject import Item, Record, Subject, WatchSettings
from pipelines.live.watch import Watch
from pipelines.live.windows.assembler import WindowSettings
from pipelines.recognition import ClipScores
from pipelines.records import (
    ActionEvent,
    Clip,
    ImuBatch,
    Prediction,
    SourceState,
    SourceStatus,
    TimeBase,
)
from tests.fakes import ColourRecognizer, FakeClock, colour_frames, play

STEP_NS = 375_000_000


def watch(
    *subjects: Subject,
    recognizer: ColourRecognizer | None = None,
    settings: WatchSettings | None = None,
    observer: Tally | None = None,
) -> list[Record]:
    """Return all that is reported until every source has ended."""
    chain = Watch(
        subjects, recognizer or ColourRecognizer(), FakeClock(), settings, observer
    )

    async def scene() -> list[Record]:
        return [record async for record in chain.records()]

    return asyncio.run(scene())


def seen_by_camera(row: str) -> Subject:
    return Subject("bed-4", play(colour_frames("bed-4", row)))


def predictions_in(records: list[Record]) -> list[Prediction]:
    return [record for record in records if isinstance(record, Prediction)]


def events_in(records: list[Record]) -> list[str]:
    """Tell each event in short, with the step of its onset or its end."""
    events = [record for record in records if isinstance(record, ActionEvent)]
    return [
        f"{event.name} {event.state} {(event.end_ns or event.start_ns) / STEP_NS:g}"
        for event in events
    ]


def status(
    state: SourceState = "online", time_base: TimeBase = "sender"
) -> SourceStatus:
    return SourceStatus("bed-4", "camera", state, 0, "as told", time_base)


def imu(first_s: float, last_s: float) -> ImuBatch:
    times_ns = np.arange(first_s, last_s, 0.02) * 1e9
    values = np.zeros((len(times_ns), 3), np.float32)
    return ImuBatch("wrist", times_ns.astype(np.int64), values, values.copy())


def test_each_frame_is_encoded_once_however_many_windows_hold_it() -> None:
    recognizer = ColourRecognizer()
    records = watch(seen_by_camera("w" * 30), recognizer=recognizer)
    assert len(predictions_in(records)) == 30  # of up to 8 frames each
    assert sum(recognizer.encoded_batches) == 30


def test_the_first_windows_are_partial_and_marked() -> None:
    partial = [p.partial for p in predictions_in(watch(seen_by_camera("w" * 10)))]
    assert partial == [True] * 7 + [False] * 3


def test_a_single_frame_is_answered() -> None:
    settings = WatchSettings(windows=WindowSettings(stride_frames=4))
    subject = Subject("bed-4", play(colour_frames("bed-4", "f", first_tick=3)))
    (prediction,) = predictions_in(watch(subject, settings=settings))
    assert (prediction.label, prediction.partial) == ("falling", True)


def test_gaps_are_told_and_a_long_one_begins_the_stream_anew() -> None:
    row = "wwwwwwwww.w" + 9 * "." + "w"
    tail = predictions_in(watch(seen_by_camera(row)))[-3:]
    assert [(p.missing_frames, p.partial) for p in tail] == [
        (1, False),
        (1, False),
        (0, True),
    ]


def test_an_unchanged_picture_is_not_encoded_and_still_predicted() -> None:
    frames = colour_frames("bed-4", "l" * 6)
    for frame in frames:
        frame.pixels.setflags(write=True)
        frame.pixels[0, 0] = 0
        frame.pixels.setflags(write=False)
    tally, settings = Tally(), WatchSettings(reuse=ReuseSettings(longest_s=60.0))
    records = watch(Subject("bed-4", play(frames)), settings=settings, observer=tally)
    assert (tally.frames_encoded, tally.frames_reused, tally.clips) == (1, 5, 6)
    assert events_in(records) == ["fall started 0", "fall ended 5"]


def test_a_fall_stays_started_while_the_person_lies() -> None:
    # Three of five frames decide: the fall from frame 10 on shows in window 12.
    settings = WatchSettings(
        windows=WindowSettings(frames=5, seconds=1.875),
        events=EventSettings(enter=0.5),
    )
    row = "w" * 10 + "fff" + "l" * 60 + "w" * 20
    assert events_in(watch(seen_by_camera(row), settings=settings)) == [
        "walking started 0",
        "fall started 12",
        "walking ended 13",
        "walking started 75",
        "fall ended 76",
        "walking ended 92",
    ]


def test_what_goes_on_at_the_end_of_a_recording_ends_there() -> None:
    records = watch(seen_by_camera("l" * 9))
    assert events_in(records) == ["fall started 0", "fall ended 8"]
    assert records[-1] == max(
        (record for record in records if isinstance(record, ActionEvent)),
        key=lambda event: event.decided_ns,
    )


def test_subjects_are_encoded_and_classified_in_one_request() -> None:
    recognizer = ColourRecognizer()
    subjects = [
        Subject(name, play(colour_frames(name, row)))
        for name, row in (("bed-4", "wwww"), ("bed-5", "llll"))
    ]
    records = watch(*subjects, recognizer=recognizer)
    assert recognizer.encoded_batches == [2] * 4
    assert recognizer.classified_batches == [2] * 4
    labels = {p.subject_id: p.label for p in predictions_in(records)}
    assert labels == {"bed-4": "walking", "bed-5": "fallen"}


def test_a_change_of_the_time_base_ends_no_window() -> None:
    frames = colour_frames("bed-4", "w" * 8)
    by_arrival: list[Item] = [status(time_base="arrival"), *frames[:5]]
    by_sender: list[Item] = [status(time_base="sender"), *frames[5:]]
    items = by_arrival + by_sender
    starts = {p.start_ns for p in predictions_in(watch(Subject("bed-4", play(items))))}
    assert starts == {frames[0].timestamp_ns}


def test_a_status_of_the_same_time_base_changes_no_window() -> None:
    frames = colour_frames("bed-4", "w" * 8)
    items: list[Item] = [
        status(),
        *frames[:5],
        status("stalled"),
        status(),
        *frames[5:],
    ]
    starts = {p.start_ns for p in predictions_in(watch(Subject("bed-4", play(items))))}
    assert starts == {0}


def test_a_status_is_reported_in_its_place() -> None:
    frames = colour_frames("bed-4", "w" * 4)
    told = watch(Subject("bed-4", play([status(), *frames[:2], status("stalled")])))
    kinds = [type(record).__name__ for record in told]
    assert kinds == ["SourceStatus", "Prediction", "Prediction", "SourceStatus"]


def test_the_age_of_the_newest_frame_is_told() -> None:
    tally, clock = Tally(), FakeClock(start_ns=10 * STEP_NS)
    subject = seen_by_camera("www")
    chain = Watch([subject], ColourRecognizer(), clock, observer=tally)

    async def scene() -> None:
        async for _ in chain.records():
            pass

    asyncio.run(scene())
    assert tally.longest_age_ns == 10 * STEP_NS


def test_a_wearable_recorded_beside_the_camera_is_in_the_clips() -> None:
    camera = play(colour_frames("bed-4", "w" * 20))
    worn = play([imu(0.0, 1.0), imu(1.0, 2.0), imu(2.0, 4.0)])
    records = watch(Subject("bed-4", in_time_order(camera, worn)))
    modalities = [prediction.modality for prediction in predictions_in(records)]
    # Samples end at 4 s; the window that ends at step 12, 4.5 s, reaches beyond.
    assert modalities == ["fused"] * 12 + ["video"] * 8


def test_two_subjects_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^every subject .* two are 'bed-4'$"):
        watch(seen_by_camera("w"), seen_by_camera("w"))


def test_nobody_to_watch_is_nothing_to_report() -> None:
    assert watch() == []


@final
class WornRecognizer:
    """Says falling where the samples are large, and needs no frame."""

    def __init__(self) -> None:
        self.info = replace(ColourRecognizer().info, needs_frames=False)

    async def encode(self, frames: np.ndarray) -> np.ndarray:
        del frames
        msg = "nobody has a camera"
        raise AssertionError(msg)

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        rows = np.full((len(clips), len(self.info.labels)), 0.01, np.float32)
        falling = self.info.labels.index("falling")
        walking = self.info.labels.index("walking")
        for row, clip in zip(rows, clips, strict=True):
            assert clip.imu is not None
            assert not len(clip.features)
            row[falling if np.abs(clip.imu).max() > 20 else walking] = 1
        rows /= rows.sum(axis=1, keepdims=True)
        return ClipScores(rows, rows - 0.5, tuple("imu" for _ in clips))


def worn(*accelerations: float) -> Subject:
    """A wearable that tells of a second for each number."""
    batches = []
    for second, acceleration in enumerate(accelerations):
        times_ns = (second + np.arange(50) / 50) * 1e9
        accel = np.full((50, 3), acceleration, np.float32)
        turn = np.zeros((50, 3), np.float32)
        batches.append(ImuBatch("wrist", times_ns.astype(np.int64), accel, turn))
    return Subject("bed-4", None, play(batches))


def watch_worn(subject: Subject) -> list[Record]:
    chain = Watch([subject], WornRecognizer(), FakeClock())

    async def scene() -> list[Record]:
        return [record async for record in chain.records()]

    return asyncio.run(scene())


def test_a_wearable_without_a_camera_is_recognised_at_every_step() -> None:
    predictions = predictions_in(watch_worn(worn(*[5.0] * 6)))
    ends = [it.end_ns / STEP_NS for it in predictions]
    assert ends == list(range(7, 16))  # 2.6 s of samples are there from then on
    assert {it.modality for it in predictions} == {"imu"}
    assert {it.end_ns - it.start_ns for it in predictions} == {7 * STEP_NS}


def test_a_fall_that_a_wearable_alone_tells_starts_and_ends_with_its_stream() -> None:
    events = events_in(watch_worn(worn(*[5.0] * 4, *[30.0] * 4)))
    assert [it.rsplit(" ", 1)[0] for it in events] == [
        "walking started",
        "fall started",
        "walking ended",
        "fall ended",
    ]


def test_where_a_wearable_was_silent_there_is_no_prediction() -> None:
    subject = worn(*[5.0] * 4)
    late = [
        replace(it, timestamps_ns=it.timestamps_ns + 20 * 10**9)
        for it in asyncio.run(batches_of(worn(*[5.0] * 3)))
    ]
    early = asyncio.run(batches_of(subject))
    silent = Subject("bed-4", None, play([*early, *late]))
    ends = [it.end_ns / 1e9 for it in predictions_in(watch_worn(silent))]
    assert max(end for end in ends if end < 10) < 4
    assert min(end for end in ends if end > 10) >= 22.5


async def batches_of(subject: Subject) -> list[ImuBatch]:
    assert subject.wearable is not None
    return [it async for it in subject.wearable if isinstance(it, ImuBatch)]


def test_a_subject_without_a_camera_is_refused_where_frames_are_needed() -> None:
    with pytest.raises(ValueError, match=r"^'bed-4' has no camera, and colour needs f"):
        Watch([worn(5.0)], ColourRecognizer(), FakeClock())
