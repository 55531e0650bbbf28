import pytest

from pipelines.live.drift.cause import name_cause
from pipelines.live.drift.settings import SIGNALS
from pipelines.records import DriftCause

USUAL = dict.fromkeys(SIGNALS, 0.0) | {"luma": 100.0, "sharpness": 0.15, "covered": 0.3}


@pytest.mark.parametrize(
    ("scores", "now", "cause"),
    [
        ({"luma": -8}, {"luma": 12.0}, "dark"),
        ({"luma": -8, "covered": 8}, {"luma": 12.0, "covered": 1.0}, "dark"),
        ({"luma": -8, "sharpness": 3.5}, {"luma": 50.0}, "dark"),
        ({"luma": -8, "sharpness": -6}, {"luma": 45.0}, "covered"),
        ({"luma": -8, "shift": 8}, {"luma": 45.0, "shift": 32.0}, "covered"),
        ({"luma": -8, "shift": 8}, {"luma": 70.0, "shift": 32.0}, "moved"),
        ({"covered": 8, "shift": 8}, {"covered": 1.0, "shift": 32.0}, "covered"),
        ({"sharpness": 8, "luma": -4}, {"sharpness": 0.5, "luma": 90.0}, "covered"),
        ({"luma": -8, "black": 8}, {"luma": 45.0, "black": 0.5}, "covered"),
        ({"luma": -8, "black": 8}, {"luma": 12.0, "black": 0.5}, "dark"),
        ({"sharpness": -8}, {"sharpness": 0.1}, "blurred"),
        ({"sharpness": -8, "shift": 8}, {"sharpness": 0.08, "shift": 9.0}, "blurred"),
        (
            {"sharpness": -8, "shift": 8},
            {"sharpness": 0.08, "shift": 32.0, "covered": 0.6},
            "moved",
        ),
        ({"shift": 8}, {"shift": 5.0}, "moved"),
        ({"imu_missing": 8, "confidence": -8}, {}, "imu silent"),
        ({"imu_offset": -8}, {}, "imu offset"),
        ({"confidence": -8, "entropy": 8}, {}, "unknown"),
    ],
)
def test_companion_signals_name_the_cause(
    scores: dict[str, float], now: dict[str, float], cause: DriftCause
) -> None:
    every = dict.fromkeys(SIGNALS, 0.0) | scores
    assert name_cause(every, USUAL | now, USUAL) == cause
