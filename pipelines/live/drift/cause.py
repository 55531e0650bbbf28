"""Why something drifted, as far as the companion signals of the same block tell."""

from collections.abc import Mapping

from pipelines.records import DriftCause

_CLEAR = 3.0
"""Standard deviations from which on a companion signal has something to say."""
_STRANGE = 4.5
"""Standard deviations of sharpness that dimmer light alone does not bring about."""
_DARK_RATIO, _DIM_RATIO = 0.3, 0.65
"""Light over the usual light: below the first only darkness is left to think of."""
_BLURRED_RATIO, _SPECKLED_RATIO = 0.78, 1.5
"""Sharpness over the usual one."""
_FLATTENED = 0.12
"""Share of the picture newly without structure: a blur leaves flat places as they were,
a camera that turns to a wall finds others."""
_BLACKENED = 0.15
"""Share of the picture that is newly black: more than a shadow."""
_HARDLY_MOVED_PX, _MOVED_PX = 4.0, 1.5
_ALL_COVERED = 0.9


def name_cause(
    scores: Mapping[str, float], now: Mapping[str, float], usual: Mapping[str, float]
) -> DriftCause:
    """Name the likeliest cause of an alert.

    What covers a lens hides the view, so that it seems to have moved too, and a view
    that moved is exposed anew, so that its light changes too: ratios tell them apart.

    Args:
        scores: Every signal's distance from normal in standard deviations, in the
            block in which the alert was decided; 0 where nothing was measured.
        now: The signals in that block.
        usual: What is normal at that hour.
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
