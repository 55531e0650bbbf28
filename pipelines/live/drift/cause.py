"""Likeliest cause of a drift alert, from all signals of the same block."""

from collections.abc import Mapping

from pipelines.records import DriftCause

_CLEAR = 3.0
"""Least deviation of a signal that counts as evidence, in standard deviations."""
_STRANGE = 4.5
"""Deviation of sharpness that dimmer light alone does not cause, in standard
deviations."""
_DARK_RATIO, _DIM_RATIO = 0.3, 0.65
"""Light divided by the usual light: below the first, only darkness explains it."""
_BLURRED_RATIO, _SPECKLED_RATIO = 0.78, 1.5
"""Sharpness divided by the usual sharpness."""
_FLATTENED = 0.12
"""Added share of the picture without structure: blur adds no flat areas, but a camera
turned to a wall does."""
_BLACKENED = 0.15
"""Added share of the picture that is black: more than a shadow."""
_HARDLY_MOVED_PX, _MOVED_PX = 4.0, 1.5
_ALL_COVERED = 0.9


def name_cause(
    scores: Mapping[str, float], now: Mapping[str, float], usual: Mapping[str, float]
) -> DriftCause:
    """Return the likeliest cause of an alert.

    A covered lens hides the view, so that the view seems to have moved too. A camera
    that moved changes its exposure, so that the light changes too. The ratios to the
    usual values distinguish these causes.

    Args:
        scores: Distance of every signal from the baseline in standard deviations, in
            the block in which the alert was decided; 0 where nothing was measured.
        now: The signals in that block.
        usual: The baseline means at that hour.
    """

    def rose(signal: str) -> bool:
        return scores[signal] > _CLEAR

    def fell(signal: str) -> bool:
        return scores[signal] < -_CLEAR

    light = now["luma"] / max(usual["luma"], 1.0)
    sharp = now["sharpness"] / max(usual["sharpness"], 1e-3)
    moved_px = now["shift"] - usual["shift"] if rose("shift") else 0.0
    hides_view = moved_px >= _HARDLY_MOVED_PX
    causes: tuple[tuple[bool, DriftCause], ...] = (
        (rose("imu_missing"), "imu silent"),
        (rose("imu_offset") or fell("imu_offset"), "imu offset"),
        (
            rose("covered") and now["covered"] > _ALL_COVERED and hides_view,
            "covered",
        ),
        (fell("luma") and light < _DARK_RATIO and not hides_view, "dark"),
        (rose("black") and now["black"] - usual["black"] > _BLACKENED, "covered"),
        (rose("sharpness") and sharp > _SPECKLED_RATIO, "covered"),
        (
            fell("sharpness")
            and sharp < _BLURRED_RATIO
            and 0.9 < light < 1.1
            and now["covered"] - usual["covered"] < _FLATTENED,
            "blurred",
        ),
        (
            fell("luma")
            and light < _DIM_RATIO
            and (hides_view or abs(scores["sharpness"]) > _STRANGE),
            "covered",
        ),
        (fell("luma") and light < _DIM_RATIO, "dark"),
        (moved_px > _MOVED_PX, "moved"),
        (rose("covered"), "covered"),
        (fell("luma"), "dark"),
        (fell("sharpness"), "blurred"),
    )
    return next((cause for holds, cause in causes if holds), "unknown")
