"""The person finder on real people.

``person_landmarks.json`` holds the answers of MediaPipe 0.10.21 for single pictures:
``mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1,
min_detection_confidence=0.4, min_tracking_confidence=0.4)`` on the pictures that
``decode(file, numbers, size_px=640)`` returns. Places are fractions of the side.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float

from models.person.detector import Detector
from models.person.finder import FinderSettings, PersonFinder
from models.person.landmarks import LandmarkNetwork
from pipelines.clock import NS_PER_S
from pipelines.lab.data.decoding import decode, survey

SIDE_PX = 640
RATE_HZ = 8
SHOULDERS, HIPS, ANKLES = [11, 12], [23, 24], [27, 28]

pytestmark = [
    pytest.mark.real,
    pytest.mark.gst,
    pytest.mark.skipif(
        "WARDWATCH_FOOTAGE" not in os.environ, reason="WARDWATCH_FOOTAGE is not set"
    ),
]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(threads=1, least_score=0.4)


@pytest.fixture(scope="module")
def landmark_network() -> LandmarkNetwork:
    return LandmarkNetwork(threads=1)


def video(file: str) -> Path:
    return Path(os.environ["WARDWATCH_FOOTAGE"]) / file


def body_size(places: Float[np.ndarray, "33 2"]) -> float:
    shoulders, hips = places[SHOULDERS].mean(axis=0), places[HIPS].mean(axis=0)
    legs = np.linalg.norm(places[HIPS] - places[ANKLES], axis=1)
    return float(np.linalg.norm(shoulders - hips) + legs.mean())


def test_landmarks_are_those_of_mediapipe(
    detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    answers = json.loads(Path(__file__).with_name("person_landmarks.json").read_text())
    errors = []
    for file, by_number in answers.items():
        pictures = decode(video(file), [int(it) for it in by_number], size_px=SIDE_PX)
        for number, places in by_number.items():
            finder = PersonFinder(FinderSettings(people=1), detector, landmark_network)
            (person,) = finder.find(pictures[int(number)], 0)
            expected = np.array(places)
            away = np.linalg.norm(person.landmarks[:, :2] - expected, axis=1)
            errors.append(np.median(away) / body_size(expected))
    assert len(errors) >= 30
    assert np.mean(np.array(errors) < 0.02) >= 0.95
    assert np.median(errors) < 0.002  # a cut that is rounded down: 0.006


@pytest.mark.parametrize("file", ["S1_Fall_14.mp4", "S2_Fall_13.mp4"])
def test_somebody_who_falls_and_lies_there_is_one_person_all_the_time(
    file: str, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    path = video(f"fall/gmdcsa24/{file}")
    facts = survey(path)
    stride = round(facts.rate_hz / RATE_HZ)
    numbers = range(0, facts.pictures, stride)
    pictures = decode(path, numbers, size_px=SIDE_PX)
    finder = PersonFinder(FinderSettings(people=1), detector, landmark_network)
    found = [
        finder.find(pictures[number], number * NS_PER_S // round(facts.rate_hz))
        for number in numbers
    ]
    assert np.mean([len(people) for people in found]) >= 0.95
    assert {person.track_id for people in found for person in people} == {1}
