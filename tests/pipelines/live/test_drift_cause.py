import pytest

from pipelines.live.drift_cause import name_cause
from pipelines.live.drift_settings import SIGNALS
from pipelines.records import DriftCause


@pytest.mark.parametrize(
    ("scores", "cause"),
    [
        ({"luma": -8}, "dark"),
        ({"sharpness": -8}, "blurred"),
        ({"covered": 8, "sharpness": -8, "shift": 8}, "covered"),
        ({"shift": 8}, "moved"),
        ({"imu_missing": 8, "confidence": -8}, "imu silent"),
        ({"imu_offset": -8}, "imu offset"),
        ({"confidence": -8, "entropy": 8}, "unknown"),
    ],
)
def test_companion_signals_name_the_cause(
    scores: dict[str, float], cause: DriftCause
) -> None:
    assert name_cause(dict.fromkeys(SIGNALS, 0.0) | scores) == cause
