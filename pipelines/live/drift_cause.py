"""Why something drifted, as far as the companion signals of the same block tell."""

from collections.abc import Mapping

from pipelines.records import DriftCause

_CLEAR = 3.0
"""Standard deviations from which on a companion signal has something to say."""


def name_cause(scores: Mapping[str, float]) -> DriftCause:
    """Name the likeliest cause of an alert.

    Args:
        scores: Every signal's distance from normal in standard deviations, in the
            block in which the alert was decided.
    """

    def rose(signal: str) -> bool:
        return scores[signal] > _CLEAR

    def fell(signal: str) -> bool:
        return scores[signal] < -_CLEAR

    if rose("imu_missing"):
        return "imu silent"
    if rose("imu_offset") or fell("imu_offset"):
        return "imu offset"
    # Cover hides the view, so that it seems to have moved too: it is asked first.
    # Dirt or a damaged sensor covers in many small places: darker, yet sharper.
    if rose("covered") or (rose("sharpness") and fell("luma")):
        return "covered"
    if fell("luma"):
        return "dark"
    if rose("shift"):
        return "moved"
    if fell("sharpness"):
        return "blurred"
    return "unknown"
