"""A simulated person, seen by a simulated camera."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from jaxtyping import UInt8

from models.person.detector import Detector
from models.person.landmarks import LandmarkNetwork
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.picture import Photographer, random_sensor

Pictures = Sequence[UInt8[np.ndarray, "height width 3"]]
STRIDE = SAMPLE_RATE_HZ // 8


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector(threads=1, least_score=0.4)


@pytest.fixture(scope="session")
def landmark_network() -> LandmarkNetwork:
    return LandmarkNetwork(threads=1)


@pytest.fixture(scope="session")
def film() -> Pictures:
    """Twelve seconds of somebody in a room, 8 pictures a second."""
    plan = RecordingPlan(Stream.FOOTAGE, 43, 4, 12.0, Fraction(8))
    rng, world, track = simulate_motion(plan)
    with Photographer(world, random_sensor(rng), rng) as photographer:
        return [
            photographer.render(track.qpos[i], covered=track.covered[i])
            for i in range(0, len(track.labels), STRIDE)
        ]


@pytest.fixture(scope="session")
def two_people(film: Pictures) -> Pictures:
    """The film beside itself two seconds later, mirrored."""
    return [
        np.concatenate((one, other[:, ::-1]), axis=1)
        for one, other in zip(film[:-16], film[16:], strict=True)
    ]
