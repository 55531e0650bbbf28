"""The event report on a footage folder: each recording runs through the chain.

recordings ─ camera at full speed ─▶ Watch ─▶ predictions, events ─┐
           └ labels.csv ─▶ truth ──────────────────────────────────┴▶ EventReport
"""

import logging
import random
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing

from pipelines.clock import Clock
from pipelines.errors import FootageError, PipelineError
from pipelines.lab.data.footage import LABELS_NAME, Footage, Recording
from pipelines.lab.data.truth import Resolve, read_truth, unknown_rows
from pipelines.lab.studies.disturbances import (
    Disturbance,
    disturbed,
    swap_wearables,
)
from pipelines.lab.studies.event_report import (
    EventReport,
    RecordingResult,
    score_events,
)
from pipelines.lab.studies.matching import pair_events
from pipelines.live.recorded import in_time_order
from pipelines.live.subject import Item, Subject, WatchSettings
from pipelines.live.views import ViewedFrame, picture_form
from pipelines.live.watch import Watch
from pipelines.recognition import ActionRecognizer
from pipelines.records import FALL, ActionEvent, Prediction
from pipelines.sources.camera.framing import PAD, Framing
from pipelines.sources.camera.source import CameraSource
from pipelines.sources.wearable.replay import ImuFileSource

logger = logging.getLogger(__name__)

QUICK_S = 900.0
"""Seconds of footage in a quick report, which takes two cores a minute or two."""


def choose_quick(
    recordings: Sequence[Recording], seed: int, budget_s: float = QUICK_S
) -> list[Recording]:
    """Draw recordings with a total length of ``budget_s`` seconds, by their labels.

    Returns:
        At least one recording, in the order given; equal seeds give equal choices.
    """
    chosen: list[Recording] = []
    left_s = budget_s
    for recording in random.Random(seed).sample(recordings, len(recordings)):
        left_s -= max(span.end_s for span in recording.spans)
        if chosen and left_s < 0:
            break
        chosen.append(recording)
    return [recording for recording in recordings if recording in chosen]


def refuse_unknown_labels(footage: Footage, resolve: Resolve) -> None:
    """Refuse footage with a label that is not in the prompt set.

    Raises:
        FootageError: For the first such label, with its line.
    """
    rows = (row for recording in footage.recordings for row in recording.spans)
    for label, row in unknown_rows(rows, resolve).items():
        problem = f"label: {label!r} is neither in the prompt set nor an alias"
        raise FootageError(str(footage.folder / LABELS_NAME), problem, row.line)


async def evaluate_events(
    recordings: Sequence[Recording],
    recognizer: ActionRecognizer,
    resolve: Resolve,
    clock: Clock,
    *,
    settings: WatchSettings | None = None,
    framing: Framing = PAD,
    seed: int = 0,
    disturbance: Disturbance | None = None,
    on_done: Callable[[RecordingResult], None] | None = None,
) -> EventReport:
    """Run recordings through the chain, each as its own subject, and score them.

    ``clock`` measures spans only: times are presentation times. ``seed`` is that of the
    intervals. ``disturbance`` is what goes wrong meanwhile.

    Raises:
        SourceError: If a video cannot be read.
        PipelineError: If the recogniser has no event ``fall``.
    """
    info = recognizer.info
    if FALL not in info.events.values():
        msg = f"no label of {info.prompt_set} belongs to the event {FALL!r}"
        raise PipelineError(msg)
    settings = settings or WatchSettings()
    results = []
    if disturbance == "other":
        recordings = swap_wearables(recordings)
    for recording in recordings:
        predictions, events = await predict_recording(
            recording, recognizer, clock, settings, framing, disturbance=disturbance
        )
        result = _result(recording, resolve, predictions, events)
        results.append(result)
        if on_done is not None:
            on_done(result)
    return score_events(results, info, seed)


async def predict_recording(
    recording: Recording,
    recognizer: ActionRecognizer,
    clock: Clock,
    settings: WatchSettings,
    framing: Framing,
    on_view: Callable[[ViewedFrame], None] | None = None,
    disturbance: Disturbance | None = None,
) -> tuple[list[Prediction], list[ActionEvent]]:
    """Run one recording through the chain, in nanoseconds of presentation time.

    Of several wearables the first by name is used: waist before wrist. ``on_view`` is
    called with what the recogniser is shown of each picture.

    Raises:
        SourceError: If its video or the wearable's file cannot be read, or too much of
            the video cannot be decoded.
    """
    predictions: list[Prediction] = []
    events: list[ActionEvent] = []
    form = picture_form(recognizer.info, settings.windows)
    worn = next(iter(sorted(recording.imu.items())), None)
    camera: CameraSource | None = None
    async with AsyncExitStack() as stack:
        film: AsyncIterable[Item] | None = None
        samples: AsyncIterable[Item] | None = None
        if not recording.wearable_only:
            camera = CameraSource(
                recording.file,
                str(recording.video.absolute()),  # a relative path could mean "test"
                clock=clock,
                image_size_px=form.side_px,
                step_ns=form.step_ns,
                framing=framing,
                fail_fast=True,
            )
            opened = await stack.enter_async_context(camera)
            film = disturbed(opened, disturbance)
        if worn is not None:
            _, path = worn
            file = ImuFileSource(recording.file, path, clock=clock, origin_ns=0)
            opened_file = await stack.enter_async_context(file)
            samples = disturbed(opened_file, disturbance)
        if film is not None and samples is not None:
            film, samples = in_time_order(film, samples), None
        subjects = [Subject(recording.file, film, samples)]
        watch = Watch(subjects, recognizer, clock, settings, on_view=on_view)
        async with aclosing(watch.records()) as records:
            async for record in records:
                match record:
                    case Prediction():
                        predictions.append(record)
                    case ActionEvent():
                        events.append(record)
    if camera is not None:
        camera.report.refuse_unwatched(recording.file)
        if camera.report.line:
            logger.warning("%s: %s", recording.file, camera.report.line)
    return predictions, events


def _result(
    recording: Recording,
    resolve: Resolve,
    predictions: Sequence[Prediction],
    events: Sequence[ActionEvent],
) -> RecordingResult:
    # The last window ends with the last picture, so this is the length less one
    # picture.
    first_ns = predictions[0].start_ns if predictions else 0
    last_ns = predictions[-1].end_ns if predictions else 0
    return RecordingResult(
        file=recording.file,
        truth=read_truth(recording.spans, resolve),
        duration_ns=last_ns - first_ns,
        predictions=tuple(predictions),
        episodes=tuple(pair_events(events, FALL, last_ns)),
    )
