"""What a console is given about a subject."""

import json

from pipelines.live.zones import Zone
from pipelines.records import BedStatus, PeopleCount, SourceStatus, WornStatus
from services.hub.history.live import live_json
from services.hub.history.seen import InView
from services.hub.reports import SubjectState
from tests.services.hub.history.pose_rig import BEGIN_NS, seen, somebody
from tests.services.test_record_lines import DRIFT

AT = "2023-11-14T22:13:20+00:00"
CAMERA = SourceStatus("bed-4", "camera", "online", BEGIN_NS, "", "sender")
IMU = SourceStatus("bed-4", "imu", "stalled", BEGIN_NS, "silent", "sender")


def test_everything_known_of_a_subject_is_told() -> None:
    state = SubjectState(
        CAMERA,
        IMU,
        has_wearable=True,
        drift=DRIFT,
        predicted_ns=BEGIN_NS,
        label="walking",
        confidence=0.83456,
        bed=BedStatus("bed-4", "out", BEGIN_NS),
        people=PeopleCount("bed-4", BEGIN_NS, 2),
        worn=WornStatus("bed-4", "worn", BEGIN_NS),
        view=InView(BEGIN_NS, 4 / 3, (seen(0, somebody(3), somebody(4)),)),
        zones=(Zone("left", "bed", ((0, 0), (1, 0), (1, 1))),),
    )
    told = json.loads(json.dumps(live_json(state)))
    assert (told["state"], told["reason"]) == ("degraded", "imu: silent")
    assert told["action"] == {"label": "walking", "confidence": 0.8346, "at": AT}
    assert (told["people"], told["bed"], told["worn"]) == (2, "out", "worn")
    assert told["camera"]["state"] == "online"
    assert (told["imu"]["state"], told["imu"]["reason"]) == ("stalled", "silent")
    assert told["drift"]["state"] == "learning"
    assert (told["picture_at"], told["aspect"]) == (AT, 1.3333)
    (pose,) = told["poses"]
    assert (pose["at"], [it["track"] for it in pose["people"]]) == (AT, [3, 4])
    assert pose["people"][0]["points"] == [[0.5, 0.4, 0.98]] * 33
    zone = {"name": "left", "kind": "bed", "points": [[0, 0], [1.333, 0], [1.333, 1]]}
    assert told["zones"] == [zone]


def test_what_is_not_known_is_null() -> None:
    told = live_json(SubjectState(is_watched=False, has_camera=False))
    assert (told["state"], told["reason"]) == ("offline", "service: no watcher reports")
    names = ("action", "people", "bed", "worn", "camera", "imu", "drift", "picture_at")
    assert {name: told[name] for name in names} == dict.fromkeys(names)
    assert (told["poses"], told["zones"]) == ([], [])
