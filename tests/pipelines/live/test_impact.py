"""A wearable alone starts no fall in which nothing hit, or while the hits go on."""

from dataclasses import replace

import numpy as np
import pytest

from models.prompts.prompt_set import Outcome
from models.window import Modality
from pipelines.live.events.detector import EventDetector
from pipelines.live.events.settings import EventSettings
from pipelines.live.impact import CALM_G, could_be_fall, has_impact, is_calm
from pipelines.records import Prediction

G = 9.80665
RATE_HZ = 50.0
STEP_NS = 375_000_000


def samples(peak_g: float) -> np.ndarray:
    """Upright at rest, with one sample of a peak."""
    rest = np.tile(np.array([0, 0, G, 0, 0, 0], np.float32), (280, 1))
    rest[100, 2] = peak_g * G
    return rest


def moving(deviation_g: float, since_s: float, until_s: float) -> np.ndarray:
    """An impact, then motion between two times before the end."""
    found = samples(peak_g=4)
    signs = np.where(np.arange(len(found)) % 2, 1, -1).astype(np.float32)
    part = slice(-round(since_s * RATE_HZ), len(found) - round(until_s * RATE_HZ))
    found[part, 2] += G * deviation_g * signs[part]
    return found


@pytest.mark.parametrize(
    ("peak_g", "hits"), [(1.0, False), (1.45, False), (1.55, True)]
)
def test_an_impact_is_a_peak_of_a_g_and_a_half(peak_g: float, hits: bool) -> None:
    assert has_impact(samples(peak_g)) is hits
    assert could_be_fall(samples(peak_g), RATE_HZ) is hits


#  motion   ....XXXX|      goes on at the end
#           XXXX....|      half a second ago
@pytest.mark.parametrize(
    ("deviation_g", "since_s", "until_s", "calm"),
    [
        (1.1 * CALM_G, 0.5, 0.0, False),
        (0.9 * CALM_G, 0.5, 0.0, True),
        (2.0, 1.0, 0.5, True),
    ],
)
def test_calm_is_half_a_second_without_strong_motion(
    deviation_g: float, since_s: float, until_s: float, calm: bool
) -> None:
    given = moving(deviation_g, since_s, until_s)
    assert is_calm(given, RATE_HZ) is calm
    assert could_be_fall(given, RATE_HZ) is calm


def test_without_samples_nothing_is_ruled_out() -> None:
    assert could_be_fall(None, None)
    assert could_be_fall(np.zeros((0, 6), np.float32), RATE_HZ)


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


def names(modality: Modality, could_be: list[bool]) -> list[str]:
    """The events that start while windows say fallen, and the samples may agree."""
    detector = EventDetector(
        "bed-4",
        {"falling": "fall", "fallen": "fall", "walking": "walking"},
        EventSettings(),
        outcomes={"fallen": Outcome(after="falling", otherwise=None)},
    )
    found = []
    for tick, could in enumerate(could_be):
        given = replace(predicted(tick, 0.5), modality=modality, could_be_fall=could)
        found += [event.name for event in detector.update(given)]
    return found


#  could be   . . . . . .      no impact, or no calm: no fall
#             x x x . . .      a fall, which goes on when the impact is forgotten
@pytest.mark.parametrize(
    ("modality", "could_be", "events"),
    [
        ("imu", [False] * 6, []),
        ("imu", [True] * 3 + [False] * 3, ["fall"]),
        ("fused", [False] * 6, ["fall"]),
        ("video", [False] * 6, ["fall"]),
    ],
)
def test_only_a_wearable_alone_needs_samples_that_agree_to_start_a_fall(
    modality: Modality, could_be: list[bool], events: list[str]
) -> None:
    assert names(modality, could_be) == events
