"""Simulated trials: stories of a worn sensor, told from seeds that no training has.

Stories are short, and full of falls and strong motion. Hours are of ordinary days, and
without a fall: they say how often a day raises a false one.
"""

import numpy as np

from pipelines.lab.data.trials.trial import WearableTrial
from pipelines.lab.simulation.worn.places import PLACES as WORN_PLACES
from pipelines.lab.simulation.worn.stories import Story, tell_hour, tell_story
from pipelines.progress import Progress

PLACES = tuple(WORN_PLACES)

_RATE_HZ = 50.0
_STREAM, _HOUR_STREAM = 5, 6
"""Streams of seeds, as of ``RecordingPlan``; training has another."""


def simulate_trials(
    count: int, seed: int, place: str, on_progress: Progress
) -> list[WearableTrial]:
    """Tell stories of one place, each by a device of its own."""
    trials = []
    for index in range(count):
        story = tell_story(_random(_STREAM, seed, place, index), _RATE_HZ, place)
        trials.append(_trial(f"story {index}", story))
        on_progress("telling", index + 1, count, "stories")
    return trials


def simulate_hours(
    count: int, seed: int, place: str, on_progress: Progress
) -> list[WearableTrial]:
    """Live hours of ordinary days, each by a person and a device of its own."""
    trials = []
    for index in range(count):
        hour = tell_hour(_random(_HOUR_STREAM, seed, place, index), _RATE_HZ, place)
        trials.append(_trial(f"hour {index}", hour))
        on_progress("living", index + 1, count, "hours")
    return trials


def _random(stream: int, seed: int, place: str, index: int) -> np.random.Generator:
    key = stream, PLACES.index(place), index
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _trial(name: str, story: Story) -> WearableTrial:
    return WearableTrial(
        name=name,
        person="simulated",
        group="simulated",
        activity="fall" if story.has_fall else "daily motion",
        is_fall=story.has_fall,
        place=story.place,
        times_s=np.arange(len(story.samples)) / _RATE_HZ,
        accel_mps2=story.samples[:, :3],
        gyro_radps=story.samples[:, 3:],
    )
