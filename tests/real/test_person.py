"""The person finder on real people.

``person_landmarks.json`` holds the answers of MediaPipe 0.10.21 for single pictures:
``mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1,
min_detection_confidence=0.4, min_tracking_confidence=0.4)`` on the pictures that
``decode(file, numbers, size_px=640)`` returns. Places are fractions of the side.
"""

import json
import os
from dataclasses import replace
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


@pytest.mark.parametrize(
    "file",
    [
        "fall/gmdcsa24/S1_Fall_15.mp4",
        "fall/gmdcsa24/S2_Fall_13.mp4",
        "fall/assist_iot/adl_11_sitting_laying_down_slowly.mp4",
    ],
)
def test_a_silhouette_shows_the_whole_person_and_little_of_the_room(
    file: str, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    """In place of the picture, the place of each of its pixels is cut out."""
    facts = survey(video(file))
    step = round(facts.rate_hz / RATE_HZ)
    numbers = list(range(0, facts.pictures, step))
    pictures = decode(video(file), numbers, size_px=SIDE_PX)
    rows, columns = np.indices((SIDE_PX, SIDE_PX)) * 255 // SIDE_PX
    places = np.stack((columns, rows, np.full_like(rows, 255)), axis=2).astype(np.uint8)
    finder = PersonFinder(
        FinderSettings(people=1, silhouettes=True), detector, landmark_network
    )
    shown, shares = [], []
    for at, number in enumerate(numbers):
        for person in finder.find(pictures[number], at * NS_PER_S // RATE_HZ):
            assert person.silhouette is not None
            mapped = replace(person.silhouette, picture=places)
            cut = mapped.isolate(person.box, 224).astype(float)
            seen = cut[cut[..., 2] == 255][:, :2] / 255
            joints = person.landmarks[person.landmarks[:, 2] > 0.8][:, :2]
            joints = joints[((joints > 0) & (joints < 1)).all(axis=1)]
            ways = np.linalg.norm(joints[:, None] - seen, axis=2).min(axis=1)
            shown += list(ways < 0.02)
            shares.append(len(seen) / 224**2)
    assert len(shares) > 0.8 * len(numbers)
    assert np.mean(shown) > 0.95
    assert max(shares) < 0.6
