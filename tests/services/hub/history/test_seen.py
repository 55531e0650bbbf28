"""Poses in a report are places of the camera's whole picture, in whole numbers."""

import numpy as np
import pytest

from pipelines.live.zones import Zone
from pipelines.records import PersonPose, Placement
from pipelines.sources.camera.framing import PAD, parse_framing
from services.hub.history.seen import InView, SeenPerson, people_json, zones_json
from tests.services.hub.history.pose_rig import seen

WIDE = PAD.placement(640, 360)
"""Of a picture of 16 to 9, with bars above and below."""
LEFT_HALF = parse_framing("left").placement(640, 360)


def pose(x: float, y: float, visibility: float = 0.876) -> PersonPose:
    return PersonPose(3, np.full((33, 3), (x, y, visibility), np.float32))


def points_of(person: SeenPerson) -> list[list[float]]:
    (told,) = people_json([person])
    points: list[list[float]] = told["points"]
    return points


def test_a_pose_is_33_points_rounded_to_thousandths_and_hundredths() -> None:
    person = SeenPerson.of(pose(0.12345, 0.5), Placement())
    (told,) = people_json([person])
    assert told["track"] == 3
    assert told["points"] == [[0.123, 0.5, 0.88]] * 33


@pytest.mark.parametrize("placement", [WIDE, LEFT_HALF])
def test_places_are_in_heights_of_the_whole_picture(placement: Placement) -> None:
    left, top, width, height = placement
    corners = (left, top), (left + width, top + height)
    first, last = (points_of(SeenPerson.of(pose(*at), placement)) for at in corners)
    assert first[0][:2] == pytest.approx((0, 0), abs=0.001)
    assert last[0][:2] == pytest.approx((640 / 360, 1), abs=0.001)


def test_a_zone_lies_where_the_person_in_it_is() -> None:
    bed = Zone("left", "bed", ((0.5, 0.5), (1, 0.5), (1, 1)))
    (told,) = zones_json([bed], WIDE.width / WIDE.height)
    assert (told["name"], told["kind"]) == ("left", "bed")
    centre = points_of(SeenPerson.of(pose(0.5, 0.5), WIDE))[0][:2]
    assert told["points"][0] == pytest.approx(centre, abs=0.001)


def test_a_place_that_is_no_number_or_far_away_is_bounded() -> None:
    (x, y, visibility), *_ = points_of(
        SeenPerson.of(pose(float("nan"), 1e9), Placement())
    )
    assert (x, y, visibility) == (0, 30, 0.88)


def test_nothing_but_the_numbers_of_a_pose_fits_into_one() -> None:
    with pytest.raises(ValueError, match=r"^a pose has 99 numbers, got 307200$"):
        SeenPerson(1, (0,) * 307_200)


def test_every_time_is_moved_when_a_view_is_moved() -> None:
    view = InView(7, 1.5, (seen(1), seen(2)))
    moved = view.moved(5)
    assert moved.picture_ns == 12
    times = [it.at_ns for it in view.poses]
    assert [it.at_ns - 5 for it in moved.poses] == times
