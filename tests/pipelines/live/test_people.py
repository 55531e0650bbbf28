"""The people in one view: who is who, who leads, and whose history goes on."""

import numpy as np
import pytest

from models.person.finder import Person
from models.person.pose_history import PoseHistory
from pipelines.live.people import PeopleInView

IN_VIEW_STEPS = 12
"""1.5 s: the oldest moment of a pose picture."""


def body(track: int, x: float = 0.5, y: float = 0.5) -> Person:
    """Somebody who stands with the hips at a place, 0.4 pictures tall."""
    landmarks = np.ones((33, 3), np.float32)
    landmarks[:, :2] = (x, y)
    landmarks[:23, 1] -= 0.15
    landmarks[25:27, 1] += 0.12
    landmarks[27:, 1] += 0.25
    box = np.array([x - 0.1, y - 0.15, x + 0.1, y + 0.25], np.float32)
    return Person(track, landmarks, landmarks, box, 0.9)


def numbers(people: PeopleInView, step: int) -> list[int]:
    return [person.number for person in people.shown(step)]


def watched(most: int, *steps: list[Person]) -> tuple[PeopleInView, list[list[int]]]:
    people, seen = PeopleInView(most), []
    for step, bodies in enumerate(steps):
        people.add(step, bodies)
        seen.append(numbers(people, step))
    return people, seen


def test_nobody_is_one_black_picture() -> None:
    people, seen = watched(2, [], [])
    assert seen == [[1], [1]]
    assert not people.shown(1)[0].history.picture(1).any()
    assert people.poses(1) == ()


def test_somebody_alone_is_drawn_as_one_history_draws_them() -> None:
    bodies = [body(1, 0.5, 0.4 + 0.02 * step) for step in range(10)]
    people, seen = watched(2, *([each] for each in bodies))
    history = PoseHistory()
    for step, each in enumerate(bodies):
        history.add(step, each.landmarks)
    assert seen == [[1]] * 10
    assert (people.shown(9)[0].history.picture(9) == history.picture(9)).all()


def test_each_person_has_a_history_of_their_own() -> None:
    still, walks = [body(1, 0.2)] * 10, [body(2, 0.6 + 0.02 * i) for i in range(10)]
    people, _ = watched(2, *map(list, zip(still, walks, strict=True)))
    alone, _ = watched(2, *([each] for each in walks))
    of_still, of_walking = (each.history.picture(9) for each in people.shown(9))
    assert (of_walking == alone.shown(9)[0].history.picture(9)).all()
    assert (of_still != of_walking).any()


def test_a_body_found_again_nearby_under_another_track_is_the_same_person() -> None:
    """Found as 1, lost for two pictures, then found on the floor as 7."""
    fallen = body(7, 0.55, 0.8)
    people, seen = watched(2, [body(1)], [body(1)], [], [], [fallen])
    assert seen[-1] == [1]
    green = people.shown(4)[0].history.picture(4)[:8, :8, 1]
    assert (green[0, :5] != green[0, 0]).any()  # the nose at earlier moments too


def test_a_body_far_from_a_lost_one_is_somebody_else() -> None:
    _, seen = watched(2, [body(1, 0.05)], [body(1, 0.05)], [body(2, 0.95)])
    assert seen[-1] == [1, 2]


def test_with_two_lost_the_nearer_one_is_continued() -> None:
    both = [body(1, 0.2), body(2, 0.7)]
    _, seen = watched(2, both, both, [], [body(9, 0.65)])
    people, _ = watched(2, both, both, [], [body(9, 0.65)])
    assert seen[-1] == [1, 2]
    assert people.poses(3)[1].landmarks[23, 0] == pytest.approx(0.65)


def test_the_person_in_view_longest_leads_and_stays_with_empty_pictures() -> None:
    """Two come, the first leaves, then the second: an empty room is drawn for her."""
    here = [[body(1, 0.1), body(2, 0.9)]] * 3
    only_second = [[body(2, 0.9)]] * (IN_VIEW_STEPS + 1)
    nobody: list[list[Person]] = [[]] * (IN_VIEW_STEPS + 2)
    people, seen = watched(2, *here, *only_second, *nobody)
    assert seen[2] == [1, 2]
    assert seen[2 + IN_VIEW_STEPS] == [1, 2]  # 1 is still drawn, from 1.5 s ago
    assert seen[3 + IN_VIEW_STEPS] == [2]
    assert seen[-1] == [2]
    last = len(seen) - 1
    assert people.poses(last) == ()
    assert not people.shown(last)[0].history.picture(last).any()


def test_no_more_people_are_kept_than_may_be_followed() -> None:
    """With one place, a body far away takes it, with a history of its own."""
    people, seen = watched(1, [body(1, 0.05)], [body(2, 0.95)], [body(3, 0.05)])
    assert [len(each) for each in seen] == [1, 1, 1]
    alone, _ = watched(1, [], [], [body(3, 0.05)])
    assert (
        people.shown(2)[0].history.picture(2) == alone.shown(2)[0].history.picture(2)
    ).all()


def test_two_new_bodies_in_an_empty_room_are_two_people() -> None:
    people, seen = watched(2, [], [body(1, 0.4), body(2, 0.6)])
    assert seen[-1] == [1, 2]
    assert [pose.number for pose in people.poses(1)] == [1, 2]
