"""The present of each subject, and the poses around an alarm."""

from services.store.live import LiveState, PoseTrack
from services.store.store import Store


def test_the_present_replaces_what_was_before_until_it_is_removed(
    store: Store,
) -> None:
    store.live.put({"bed-5": {"people": 1}, "bed-4": {"people": 0}}, at_ns=5)
    store.live.put({"bed-4": {"people": 2}}, at_ns=6)
    four = LiveState("bed-4", 6, {"people": 2})
    assert store.live.all() == [four, LiveState("bed-5", 5, {"people": 1})]
    assert store.live.some(["bed-4"]) == [four]
    store.live.remove(["bed-5", "bed-9"])
    assert store.live.all() == [four]


def test_a_track_replaces_its_former_self(store: Store) -> None:
    assert store.pose_tracks.one("e1") is None
    for count in (1, 2):
        track = PoseTrack("e1", "bed-4", 5, {"poses": [0.25] * count})
        store.pose_tracks.put(track)
        assert store.pose_tracks.one("e1") == track


def test_the_tracks_from_a_time_on_are_found(store: Store) -> None:
    tracks = [PoseTrack(f"e{at}", "bed-4", at, {"poses": []}) for at in (7, 5, 6)]
    for track in tracks:
        store.pose_tracks.put(track)
    assert [track.at_ns for track in store.pose_tracks.since(6)] == [6, 7]
    assert store.pose_tracks.since(8) == []
