from collections.abc import Sequence

import numpy as np
import pytest
from jaxtyping import UInt8

from models.person.detector import Detector
from models.person.finder import FinderSettings, Person, PersonFinder
from models.person.landmarks import LandmarkNetwork
from models.person.region import Region
from pipelines.live.inference import cell_luma

Pictures = Sequence[UInt8[np.ndarray, "height width 3"]]
STEP_NS = 125_000_000
NOSE, LEFT_HIP, LEFT_ANKLE = 0, 23, 27


def follow(
    pictures: Pictures,
    detector: Detector,
    landmarks: LandmarkNetwork,
    settings: FinderSettings | None = None,
) -> list[list[Person]]:
    finder = PersonFinder(settings, detector, landmarks)
    return [finder.find(each, i * STEP_NS) for i, each in enumerate(pictures)]


@pytest.mark.slow
def test_somebody_in_a_room_is_found_and_keeps_a_number(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    found = follow(film, detector, landmark_network)
    seen = [people for people in found if people]
    assert len(seen) >= 0.9 * len(film)
    numbers = [people[0].track_id for people in seen]
    assert max(numbers.count(number) for number in set(numbers)) >= 0.9 * len(numbers)


def test_landmarks_lie_in_the_box_and_the_box_in_the_picture(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    (person, *_) = follow(film[:1], detector, landmark_network)[0]
    left, top, right, bottom = person.box
    x, y, visibility = person.landmarks[NOSE]
    assert 0 <= visibility <= 1
    assert left <= x <= right
    assert top <= y <= bottom
    assert right - left < 4 / 3
    assert bottom - top < 1
    assert np.abs(person.world).max() < 2  # metres


def test_people_have_silhouettes_if_the_settings_ask_for_them(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    (plain,) = follow(film[:1], detector, landmark_network)[0]
    settings = FinderSettings(silhouettes=True)
    (person,) = follow(film[:1], detector, landmark_network, settings)[0]
    assert plain.silhouette is None
    assert person.silhouette is not None
    shown = person.silhouette.isolate(person.box, 64)
    assert 0.03 < shown.any(axis=2).mean() < 0.6


@pytest.mark.slow
def test_a_network_without_masks_finds_the_same_and_refuses_silhouettes(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    maskless = LandmarkNetwork(threads=1, masks=False)
    (with_mask,) = follow(film[:1], detector, landmark_network)[0]
    (without,) = follow(film[:1], detector, maskless)[0]
    np.testing.assert_allclose(without.landmarks, with_mask.landmarks, atol=1e-4)
    np.testing.assert_allclose(without.world, with_mask.world, atol=1e-4)
    with pytest.raises(
        ValueError,
        match=r"^silhouettes need a landmark network with masks, got one without$",
    ):
        PersonFinder(FinderSettings(silhouettes=True), detector, maskless)


def test_nobody_is_found_in_an_empty_picture(
    detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    black = np.zeros((240, 320, 3), np.uint8)
    assert follow([black] * 3, detector, landmark_network) == [[], [], []]


@pytest.mark.slow
@pytest.mark.parametrize("waited", [17, 20])
def test_who_steps_out_of_a_moving_curtain_is_found_within_a_second(
    waited: int,
    film: Pictures,
    detector: Detector,
    landmark_network: LandmarkNetwork,
) -> None:
    """The curtain, whose brightness changes, is where the person appears."""
    (person,) = follow(film[:1], detector, landmark_network)[0]
    left, top, right, bottom = (person.box * len(film[0])).astype(int)
    pictures = [film[0].copy() for _ in range(waited)]
    for step, each in enumerate(pictures):
        each[top - 20 : bottom + 20, left - 20 : right + 20] = 80 + 60 * (step % 2)
    pictures += film[:8]
    finder = PersonFinder(FinderSettings(people=2), detector, landmark_network)
    found = [
        finder.find(each, step * STEP_NS, cell_luma(each))
        for step, each in enumerate(pictures)
    ]
    assert not any(found[:waited])
    assert any(found[waited:])


@pytest.mark.slow
def test_somebody_too_small_in_the_whole_picture_is_found_in_a_tile(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    picture = np.full((720, 960, 3), 90, np.uint8)
    picture[460:700, 620:940] = film[48]
    assert not detector.detect(picture, Region.of_picture(720, 960))
    ((person,),) = follow([picture], detector, landmark_network)
    left, top, right, bottom = person.box * 720
    assert 620 < left < right < 940
    assert 460 < top < bottom < 700


@pytest.mark.slow
def test_two_people_get_two_numbers(
    two_people: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    found = follow(two_people, detector, landmark_network)
    both = [people for people in found if len(people) == 2]
    assert len(both) >= 0.7 * len(two_people)
    for people in both:
        assert len({person.track_id for person in people}) == 2
        assert abs(people[0].box[0] - people[1].box[0]) > 0.2


@pytest.mark.slow
def test_one_body_is_never_two_people(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    """A search sees part of a body that is followed, in a much smaller box."""
    found = follow(film, detector, landmark_network, FinderSettings(people=4))
    assert max(len(people) for people in found) == 1


@pytest.mark.slow
def test_no_more_people_are_followed_than_may_be(
    two_people: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    alone = FinderSettings(people=1)
    found = follow(two_people, detector, landmark_network, alone)
    assert max(len(people) for people in found) == 1


@pytest.mark.slow
def test_somebody_found_again_after_a_covered_camera_keeps_the_number(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    black = np.zeros_like(film[0])
    pictures = [*film[24:32], *[black] * 8, *film[32:40]]  # wholly in the picture
    found = follow(pictures, detector, landmark_network)
    assert not any(found[9:16])
    assert found[7][0].track_id == found[-1][0].track_id
    assert any(found[16:18])  # within two pictures


@pytest.mark.slow
def test_somebody_who_returns_long_after_is_somebody_new(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    black = np.zeros_like(film[0])
    pictures = [*film[:4], *[black] * 40, *film[4:8]]
    found = follow(pictures, detector, landmark_network)
    assert found[3][0].track_id != found[-1][0].track_id


@pytest.mark.slow
def test_a_still_picture_never_loses_anybody(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    found = follow([film[0]] * 60, detector, landmark_network)
    assert all(found)
    assert {people[0].track_id for people in found} == {found[0][0].track_id}


@pytest.mark.slow
def test_somebody_who_lies_still_while_the_light_changes_is_never_lost(
    film: Pictures, detector: Detector, landmark_network: LandmarkNetwork
) -> None:
    """The chain looks at an unchanged picture every two seconds: here four minutes."""
    finder = PersonFinder(FinderSettings(people=2), detector, landmark_network)
    found = []
    for look in range(120):
        share = 0.7 + 0.3 * np.cos(look / 19)
        lit = (film[0] * np.float32(share)).astype(np.uint8)
        found.append([each.track_id for each in finder.find(lit, look * 2 * 10**9)])
    assert found == [[1]] * 120
