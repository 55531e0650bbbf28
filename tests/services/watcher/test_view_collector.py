"""What a watcher keeps of its cameras' views until the next report."""

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S
from pipelines.live.views import ViewedFrame
from pipelines.records import Frame, PersonPose
from services.hub.history.seen import MOST_POSES, InView
from services.watcher.view_collector import ViewCollector
from tests.services.hub.history.pose_rig import leaves

PICTURE = np.full((640, 640, 3), 7, np.uint8)


def viewed(at_s: float, people: int | None = 1, subject: str = "bed-4") -> ViewedFrame:
    """A picture with so many people; None if nobody is looked for."""
    frame = Frame(subject, round(at_s * NS_PER_S), 0, PICTURE)
    poses = None
    if people is not None:
        landmarks = np.full((33, 3), 0.5, np.float32)
        poses = tuple(PersonPose(n + 1, landmarks) for n in range(people))
    return ViewedFrame(frame, (frame,), poses)


def collected(*pictures: ViewedFrame) -> InView:
    views = ViewCollector()
    for picture in pictures:
        views.add(picture)
    return views.take(["bed-4"])["bed-4"]


def times_s(view: InView) -> list[float]:
    return [seen.at_ns / NS_PER_S for seen in view.poses]


def test_each_person_is_in_the_poses_under_their_number() -> None:
    (poses,) = collected(viewed(1, people=2)).poses
    assert [person.track for person in poses.people] == [1, 2]


def test_poses_are_a_quarter_second_apart_also_over_a_report() -> None:
    views = ViewCollector()
    for step in range(4):
        views.add(viewed(step / 8))
    assert times_s(views.take(["bed-4"])["bed-4"]) == [0, 0.25]
    views.add(viewed(0.375))
    views.add(viewed(0.5))
    assert times_s(views.take(["bed-4"])["bed-4"]) == [0.5]


def test_there_are_four_poses_a_second_at_most() -> None:
    assert times_s(collected(*(viewed(step / 5) for step in range(4)))) == [0, 0.4]


def test_a_report_without_people_has_no_poses() -> None:
    for people in (0, None):
        view = collected(*(viewed(step, people) for step in range(4)))
        assert view.poses == ()
        assert view.picture_ns == 3 * NS_PER_S


def test_the_picture_in_which_the_last_person_has_left_is_told_once() -> None:
    view = collected(viewed(0), viewed(1, 0), viewed(2, 0), viewed(3))
    assert times_s(view) == [0, 1, 3]
    assert view.poses[1].people == ()


def test_what_was_taken_is_gone_and_the_picture_s_time_stays() -> None:
    views = ViewCollector()
    views.add(viewed(1))
    views.take(["bed-4"])
    again = views.take(["bed-4"])["bed-4"]
    assert (again.poses, again.picture_ns) == ((), NS_PER_S)


def test_a_subject_that_is_watched_no_more_is_forgotten() -> None:
    views = ViewCollector()
    views.add(viewed(1))
    views.add(viewed(1, subject="bed-5"))
    views.forget("bed-5")
    assert views.take(["bed-4", "bed-5"]).keys() == {"bed-4"}
    assert views.take([]) == {}
    assert views.take(["bed-4"]) == {}


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 4)), max_size=60))
def test_poses_that_nobody_takes_are_bounded_and_in_order(
    steps: list[tuple[float, int]],
) -> None:
    at_s, pictures = 0.0, []
    for pause_s, people in steps:
        at_s += pause_s
        pictures.append(viewed(at_s, people))
    poses = collected(viewed(0), *pictures).poses
    assert len(poses) <= MOST_POSES
    times = [seen.at_ns for seen in poses]
    assert times == sorted(times)


def test_no_pixel_stays_with_what_was_collected() -> None:
    """What is taken holds whole numbers, and is far smaller than a picture."""
    views = ViewCollector()
    for step in range(40):
        views.add(viewed(step, people=4))
    assert len(pickle.dumps(views)) < 64 * 64 * 3
    taken = views.take(["bed-4"])["bed-4"]
    assert {type(value) for value in leaves(taken)} == {int, float}
