"""A blurred picture shows light and dark, and nothing fine."""

import numpy as np
import pytest

from pipelines.records import NO_BARS, Placement
from services.clips.blur import MOST_SIDE_PX, blurred
from tests.clip_rig import camera_frame, pixels_of

BARS_ABOVE = Placement(top=0.125, height=0.75)
CROPPED = Placement(left=-0.5, top=-0.5, width=2.0, height=2.0)


@pytest.mark.parametrize(
    ("placement", "size"),
    [(NO_BARS, (48, 48)), (BARS_ABOVE, (36, 48)), (CROPPED, (48, 48))],
    ids=["square", "bars", "crop"],
)
def test_a_picture_is_small_and_has_no_bars(
    placement: Placement, size: tuple[int, int]
) -> None:
    found = pixels_of(blurred(camera_frame(0, placement=placement)))
    assert found.shape == (*size, 3)
    assert max(size) == MOST_SIDE_PX


def test_what_is_fine_is_gone_and_what_is_large_stays() -> None:
    found = pixels_of(blurred(camera_frame(0)))[:, :, 1]
    left, right = found[:, :20], found[:, 28:]
    assert left.mean() - right.mean() > 60
    assert np.abs(left - left.mean()).max() < 8  # of the chequerboard's 160
    steps = np.abs(np.diff(found.mean(axis=0)))
    assert np.sum(steps > 5) >= 3  # the edge between the halves is soft
