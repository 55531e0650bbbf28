"""The poses around an alarm: half a minute before until a minute after.

[---------- remembered ----------|-------- reports --------)
-30                              0 raised                  60
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm, AlarmRule, raise_alarm
from pipelines.live.zones import Zone
from pipelines.records import ActionEvent
from services.hub.history.pose_tracks import GrowingTrack, GrowingTracks, RecentPoses
from services.hub.history.seen import SeenPoses
from tests.services.hub.history.pose_rig import BEGIN_NS, seen, shows, somebody
from tests.services.store.rows import event

RAISED_S = 100.0
BED = Zone("left", "bed", ((0, 0), (1, 0), (1, 1)))


def at_ns(at_s: float) -> int:
    return BEGIN_NS + round(at_s * NS_PER_S)


def fall(event_id: str = "e1") -> ActionEvent:
    begun = event(event_id=event_id)
    return replace(begun, start_ns=at_ns(RAISED_S - 2))


def alarm(raised_s: float = RAISED_S) -> Alarm:
    return raise_alarm(fall(), AlarmRule(), at_ns(raised_s))


def tell(
    tracks: GrowingTracks,
    now_s: float,
    *poses: SeenPoses,
    raised: Sequence[Alarm] = (),
    keep_poses: bool = True,
) -> list[GrowingTrack]:
    """Report poses of bed 4, and a fall that has raised an alarm."""
    state = replace(shows(*poses, keep_poses=keep_poses), zones=(BED,))
    events = [fall()] if raised else []
    return tracks.add({"bed-4": state}, events, raised, at_ns(now_s))


def seconds(*ends: int) -> list[SeenPoses]:
    return [seen(at_s) for at_s in range(*ends)]


def times_s(track: GrowingTrack) -> list[float]:
    return [pose["t"] for pose in track.poses]


def test_a_track_begins_30_s_before_its_alarm_and_ends_60_s_after() -> None:
    tracks = GrowingTracks()
    for at_s in range(40, 100):
        assert tell(tracks, at_s, seen(at_s)) == []
    (track,) = tell(tracks, 100, seen(100), raised=[alarm()])
    assert times_s(track) == list(range(-30, 1))
    for at_s in range(101, 161):
        assert tell(tracks, at_s, seen(at_s)) == [track]
    assert tell(tracks, 161, seen(161)) == []
    assert times_s(track) == list(range(-30, 61))


def test_poses_that_come_late_are_added_until_the_track_is_final() -> None:
    tracks = GrowingTracks()
    (track,) = tell(tracks, 100, *seconds(95, 101), raised=[alarm()])
    assert tell(tracks, 174, seen(159)) == [track]
    assert tell(tracks, 176, seen(160)) == []
    assert times_s(track)[-1] == 59


def test_a_track_says_whose_it_is_when_it_began_and_where_the_bed_is() -> None:
    (track,) = tell(GrowingTracks(), 100, seen(99, somebody(2)), raised=[alarm()])
    content = json.loads(json.dumps(track.content()))
    assert (content["alarm_id"], content["subject"]) == ("e1", "bed-4")
    assert content["onset"] == "2023-11-14T22:14:58+00:00"
    assert content["raised"] == "2023-11-14T22:15:00+00:00"
    (zone,) = content["zones"]
    assert (zone["name"], zone["points"][1]) == ("left", [content["aspect"], 0])
    (pose,) = content["poses"]
    assert (pose["t"], pose["people"][0]["track"]) == (-1, 2)
    assert pose["people"][0]["points"] == [[0.5, 0.4, 0.98]] * 33


def test_a_restarted_hub_goes_on_with_what_was_stored() -> None:
    (track,) = tell(GrowingTracks(), 100, *seconds(90, 101), raised=[alarm()])
    stored = json.loads(json.dumps(track.content()))
    tracks = GrowingTracks([GrowingTrack.of(stored)])
    (grown,) = tell(tracks, 103, *seconds(99, 104))
    assert times_s(grown) == list(range(-10, 4))
    assert {**grown.content(), "poses": stored["poses"]} == stored


def test_an_alarm_has_no_track_while_nobody_is_in_view() -> None:
    tracks = GrowingTracks()
    assert tell(tracks, 100, raised=[alarm()]) == []
    (track,) = tell(tracks, 102, seen(101.5))  # somebody comes
    assert times_s(track) == [1.5]


def test_without_keep_poses_nothing_is_remembered_and_no_track_begins() -> None:
    tracks = GrowingTracks()
    tell(tracks, 99, *seconds(90, 99))
    assert tell(tracks, 100, seen(100), raised=[alarm()], keep_poses=False) == []
    assert tell(tracks, 101, seen(101)) == []


def test_a_report_that_comes_twice_changes_nothing() -> None:
    tracks = GrowingTracks()
    (track,) = tell(tracks, 100, *seconds(95, 101), raised=[alarm()])
    assert tell(tracks, 101, *seconds(95, 101), raised=[alarm()]) == []
    assert times_s(track) == list(range(-5, 1))


def test_an_alarm_that_was_raised_long_ago_begins_no_track() -> None:
    tracks = GrowingTracks()
    tell(tracks, 199, *seconds(190, 200))
    assert tell(tracks, 200, seen(200), raised=[alarm()]) == []


def test_the_end_of_an_episode_begins_no_track() -> None:
    tracks = GrowingTracks()
    ended = replace(fall(), state="ended")
    state = shows(seen(100))
    assert tracks.add({"bed-4": state}, [ended], [alarm()], at_ns(100)) == []


def test_each_of_two_alarms_has_its_own_track() -> None:
    tracks = GrowingTracks()
    (first,) = tell(tracks, 100, *seconds(95, 101), raised=[alarm()])
    later = replace(alarm(raised_s=110), alarm_id="e2")
    state = shows(seen(110))
    grown = tracks.add({"bed-4": state}, [fall("e2")], [later], at_ns(110))
    assert [track.alarm_id for track in grown] == ["e1", "e2"]
    assert times_s(first)[-1] == 10
    assert times_s(grown[1]) == [*range(-15, -9), 0]


def test_a_track_holds_nobody_of_another_subject() -> None:
    tracks = GrowingTracks()
    (track,) = tell(tracks, 100, *seconds(95, 101), raised=[alarm()])
    neighbour = shows(seen(101, somebody(7)))
    assert tracks.add({"bed-5": neighbour}, [], [], at_ns(101)) == []
    assert times_s(track)[-1] == 0


def test_recent_poses_hold_each_pose_of_35_s_once() -> None:
    recent = RecentPoses()
    assert recent.add(seconds(0, 41)) == seconds(0, 41)
    assert recent.add(seconds(38, 43)) == seconds(41, 43)
    assert list(recent.poses) == seconds(7, 43)


def test_a_removed_subject_is_forgotten() -> None:
    tracks = GrowingTracks()
    tell(tracks, 100, *seconds(95, 101), raised=[alarm()])
    tracks.forget_others(["bed-5"])
    assert tell(tracks, 101, seen(101)) == []


def test_poses_are_remembered_again_after_the_clock_was_set_back() -> None:
    tracks = GrowingTracks()
    tell(tracks, 5000, seen(5000))
    tell(tracks, 99, seen(99))
    (track,) = tell(tracks, 100, seen(100), raised=[alarm()])
    assert times_s(track) == [-1, 0]


TIMES = st.lists(st.floats(RAISED_S - 50, RAISED_S + 90), max_size=12)


@given(st.lists(st.tuples(TIMES, st.floats(0, 30)), max_size=12), st.integers(0, 12))
def test_a_track_is_in_order_and_never_leaves_its_minute_and_a_half(
    reports: list[tuple[list[float], float]], raised_in: int
) -> None:
    """Whatever the times of the poses, and whenever the alarm is raised."""
    tracks, now_s = GrowingTracks(), RAISED_S
    found: dict[str, GrowingTrack] = {}
    for number, (times, pause_s) in enumerate(reports):
        now_s += pause_s
        new = [alarm()] if number == raised_in else []
        grown = tell(tracks, now_s, *(seen(at_s) for at_s in times), raised=new)
        found |= {track.alarm_id: track for track in grown}
    for track in found.values():
        times = times_s(track)
        assert times
        assert all(-30 <= t_s <= 60 for t_s in times)
        assert all(one < other for one, other in pairwise(times))
