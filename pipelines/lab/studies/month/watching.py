"""Hours through the chain of ``watch``: windows, recogniser and events.

Many hours run side by side, as subjects of one chain, so that their pictures and
windows are recognised in batches.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from models.person.pose_picture import MOMENTS, STEP_S, draw_poses
from pipelines.clock import seconds_to_ns
from pipelines.lab.studies.matching import Episode, pair_events
from pipelines.lab.studies.month.hours import SeenHour
from pipelines.live.events.detector import EventDetector
from pipelines.live.inference import FrameEncoder, recognise
from pipelines.live.people import SEEN_STEPS
from pipelines.live.subject import WatchSettings
from pipelines.live.windows.assembler import WindowAssembler
from pipelines.recognition import ActionRecognizer
from pipelines.records import FALL, ActionEvent, Frame


async def watch_hours(
    hours: Sequence[SeenHour], recognizer: ActionRecognizer, settings: WatchSettings
) -> list[list[Episode]]:
    """Return the falls that the chain finds in each hour.

    Args:
        hours: Hours of equal length.
        recognizer: A recogniser that looks at poses.
        settings: The chain's settings.
    """
    info = recognizer.info
    names = [hour.plan.name for hour in hours]
    encoder = FrameEncoder(recognizer, settings.reuse)
    windows = [WindowAssembler(name, settings.windows) for name in names]
    detectors = {
        name: EventDetector(
            name, info.events, settings.events, settings.events_by_name, info.outcomes
        )
        for name in names
    }
    events: dict[str, list[ActionEvent]] = {name: [] for name in names}
    steps = min(hour.steps for hour in hours)
    grid_ns, step_ns = settings.windows.step_ns, seconds_to_ns(STEP_S)
    for tick in range(steps * step_ns // grid_ns):
        step = round(tick * grid_ns / step_ns)
        drawn = pictures(hours, step)
        frames = [
            Frame(name, step * step_ns, tick, picture, is_seen=_is_seen(hour, step))
            for name, picture, hour in zip(names, drawn, hours, strict=True)
        ]
        features = await encoder.encode(frames)
        clips = [
            clip
            for assembler, feature in zip(windows, features, strict=True)
            for clip in assembler.add(feature)
        ]
        for prediction in await recognise(recognizer, clips):
            name = prediction.subject_id
            events[name] += detectors[name].update(prediction)
    until_ns = steps * step_ns
    for name in names:
        events[name] += detectors[name].flush()
    return [pair_events(events[name], FALL, until_ns) for name in names]


def _is_seen(hour: SeenHour, step: int) -> bool:
    return bool(hour.run.found[max(0, step - SEEN_STEPS) : step + 1].any())


def pictures(hours: Sequence[SeenHour], step: int) -> UInt8[np.ndarray, "hour 32 32 3"]:
    """Draw the pose picture of each hour at a step."""
    moments = step - np.array(MOMENTS)
    found = np.stack([hour.run.found[moments] for hour in hours]) & (moments >= 0)
    joints = np.stack([hour.run.joints[moments] for hour in hours]).astype(np.float32)
    joints[~found] = 0
    sizes = np.array([hour.run.sizes[step] for hour in hours], np.float32)
    return draw_poses(joints, found, sizes)
