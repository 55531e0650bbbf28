"""A wearable alone starts no fall in which nothing hit."""

from dataclasses import replace

import numpy as np
import pytest

from models.prompts.prompt_set import Outcome
from models.window import Modality
from pipelines.live.event_settings import EventSettings
from pipelines.live.events import EventDetector
from pipelines.live.impact import has_impact
from pipelines.records import Prediction

G = 9.80665
STEP_NS = 375_000_000


def samples(peak_g: float) -> np.ndarray:
    """Upright at rest, with one sample of a peak."""
    rest = np.tile(np.array([0, 0, G, 0, 0, 0], np.float32), (280, 1))
    rest[100, 2] = peak_g * G
    return rest


@pytest.mark.parametrize(
    ("peak_g", "hits"), [(1.0, False), (1.45, False), (1.55, True)]
)
def test_an_impact_is_a_peak_of_a_g_and_a_half(peak_g: float, hits: bool) -> None:
    assert has_impact(samples(peak_g)) is hits


def test_without_samples_nothing_is_ruled_out() -> None:
    assert has_impact(None)
    assert has_impact(np.zeros((0, 6), np.float32))


def predicted(tick: int, fallen: float) -> Prediction:
    scores = {"falling": 0.5, "fallen": fallen, "walking": 0.0}
    return Prediction(
        subject_id="bed-4",
        start_ns=tick * STEP_NS,
        end_ns=(tick + 7) * STEP_NS,
        label="fallen",
        confidence=0.9,
        margin=0.5,
        entropy=0.1,
        scores=scores,
        cosines=scores,
        modality="imu",
        model="m",
        prompt_set="p",
        partial=False,
        missing_frames=0,
    )


def names(modality: Modality, hits: list[bool]) -> list[str]:
    """The events that start while windows say fallen, with and without impacts."""
    detector = EventDetector(
        "bed-4",
        {"falling": "fall", "fallen": "fall", "walking": "walking"},
        EventSettings(),
        outcomes={"fallen": Outcome(after="falling", otherwise=None)},
    )
    found = []
    for tick, hit in enumerate(hits):
        given = replace(predicted(tick, 0.5), modality=modality, has_impact=hit)
        found += [event.name for event in detector.update(given)]
    return found


#  impact  . . . . . .      none: no fall
#          x x x . . .      a fall, which goes on when the impact is forgotten
@pytest.mark.parametrize(
    ("modality", "hits", "events"),
    [
        ("imu", [False] * 6, []),
        ("imu", [True] * 3 + [False] * 3, ["fall"]),
        ("fused", [False] * 6, ["fall"]),
        ("video", [False] * 6, ["fall"]),
    ],
)
def test_only_a_wearable_alone_needs_an_impact_to_start_a_fall(
    modality: Modality, hits: list[bool], events: list[str]
) -> None:
    assert names(modality, hits) == events
