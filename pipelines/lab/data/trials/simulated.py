"""Simulated trials: stories of a worn sensor, told from seeds that no training has."""

import numpy as np

from pipelines.lab.data.trials.trial import WearableTrial
from pipelines.lab.simulation.worn.places import PLACES as WORN_PLACES
from pipelines.lab.simulation.worn.stories import tell_story
from pipelines.progress import Progress

PLACES = tuple(WORN_PLACES)

_RATE_HZ = 50.0
_STREAM = 5
"""Stream of seeds, as of ``RecordingPlan``; training has another."""


def simulate_trials(
    count: int, seed: int, place: str, on_progress: Progress
) -> list[WearableTrial]:
    """Tell stories of one place, each by a device of its own."""
    trials = []
    for index in range(count):
        key = _STREAM, PLACES.index(place), index
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        story = tell_story(rng, _RATE_HZ, place)
        trials.append(
            WearableTrial(
                name=f"story {index}",
                person="simulated",
                group="simulated",
                activity="fall" if story.has_fall else "daily motion",
                is_fall=story.has_fall,
                place=place,
                times_s=np.arange(len(story.samples)) / _RATE_HZ,
                accel_mps2=story.samples[:, :3],
                gyro_radps=story.samples[:, 3:],
            )
        )
        on_progress("telling", index + 1, count, "stories")
    return trials
