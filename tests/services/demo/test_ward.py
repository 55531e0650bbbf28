"""The parts of the demonstration; the whole of it is tested end to end."""

import asyncio
from itertools import groupby
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.errors import FootageError, PipelineError
from pipelines.lab.data.footage import LabelledSpan, Recording
from pipelines.lab.data.truth import read_truth
from pipelines.lab.simulation.footage import simulate_motion
from pipelines.records import ActionEvent
from pipelines.sources.wearable.replay import IMU_COLUMNS
from services.commands.demo import (
    ROOMS,
    SECONDS,
    SEED,
    print_table,
    room_rows,
)
from services.demo.broker import Broker
from services.demo.rtsp_process import PlayStart, RtspServer
from services.demo.ward import (
    WEARABLE,
    Room,
    _Demonstration,
    _site_of,
    build_rooms,
    falls_of,
    fused_ratio,
    play,
    room_plans,
    summarise,
)
from services.tasks import end_tasks
from tests.camera_rig import run, write_numbered

ZERO_NS = 1_700_000_000 * NS_PER_S


def event(decided_s: float, end_s: float | None = None) -> ActionEvent:
    start_ns = ZERO_NS + round(decided_s * NS_PER_S) - NS_PER_S
    return ActionEvent(
        event_id=f"{start_ns}",
        subject_id="room-1",
        name="fall",
        label="falling",
        state="started" if end_s is None else "ended",
        start_ns=start_ns,
        end_ns=None if end_s is None else ZERO_NS + round(end_s * NS_PER_S),
        decided_ns=start_ns + NS_PER_S,
        peak_confidence=0.9,
        modality="video",
        model="tiny",
        prompt_set="x@00000000",
    )


def room(
    *events: ActionEvent, video: Path = Path("a.mp4"), imu: Path = Path("a.csv")
) -> Room:
    """Forty seconds with one fall, played from ``ZERO_NS`` on.

    ::

        walking [10 falling)[11 fallen)[15 walking -------------------- 40)
    """
    spans = tuple(
        LabelledSpan("a.mp4", label, "drawn", start_s, end_s)
        for label, start_s, end_s in (
            ("walking", 0, 10),
            ("falling", 10, 11),
            ("fallen", 11, 15),
            ("walking", 15, 40),
        )
    )
    truth = read_truth(spans, lambda label: label)
    recording = Recording("a.mp4", video, spans, {WEARABLE: imu})
    return Room("room-1", recording, truth, ZERO_NS, list(events))


def test_an_event_is_compared_in_time_of_the_footage() -> None:
    (found,) = room(event(12.0, 16.0)).matching().found
    assert (found.fall.onset_ns, found.delay_s) == (10 * NS_PER_S, 2.0)


def test_an_event_far_from_the_fall_is_false() -> None:
    matching = room(event(30.0, 32.0)).matching()
    assert (len(matching.missed), len(matching.false)) == (1, 1)


def test_an_event_that_goes_on_ends_with_the_footage() -> None:
    (false,) = room(event(30.0)).matching().false
    assert false.end_ns == 40 * NS_PER_S


def test_an_event_of_a_video_that_began_again_is_left_out() -> None:
    again = room(event(-5.0, -3.0), event(12.0, 16.0)).matching()
    assert (len(again.found), len(again.false)) == (1, 0)


def test_a_video_that_begins_again_takes_its_wearable_along(tmp_path: Path) -> None:
    imu = tmp_path / "a.csv"
    imu.write_text(",".join(IMU_COLUMNS) + "\n0,0,0,9.81,0,0,0\n60,0,0,9.81,0,0,0\n")
    played = room(imu=imu)

    async def begin() -> list[bool]:
        film = write_numbered(tmp_path / "a.mp4", 12)
        with Broker() as broker, RtspServer({"room-1": film}) as server:
            site = _site_of([played], tmp_path, broker, server)
            given = {"room-1": played}, SystemClock(), lambda _: None
            showing = _Demonstration(*given, broker, server, site, tmp_path)
            playing: dict[str, asyncio.Task[None]] = {}
            tasks: list[asyncio.Task[None]] = []
            now_ns = SystemClock().now_ns()
            for zero_ns in (now_ns - NS_PER_S, now_ns):
                showing._begin(PlayStart("room-1", zero_ns), playing, tasks)
                assert played.zero_ns == zero_ns
            at_the_end = PlayStart("room-1", now_ns + 40 * NS_PER_S)
            showing._begin(at_the_end, playing, tasks)
            assert played.zero_ns == now_ns
            await asyncio.wait(tasks[:1], timeout=5.0)
            states = [task.done() for task in tasks]
            await end_tasks(tasks)
            return states

    assert run(begin()) == [True, False]


def test_the_outcome_counts_all_rooms() -> None:
    rooms = [room(event(12.0, 16.0)), room(event(30.0, 32.0)), room()]
    assert len(falls_of(rooms)) == 3
    alarms = {"a": "resolved", "b": "acknowledged", "c": "escalated"}
    assert summarise(rooms, alarms) == {
        "falls": 3,
        "found": 1,
        "false_falls": 1,
        "alarms": 3,
        "alarms_answered": 2,
        "alarms_resolved": 1,
        "wearables": 0,
        "delivery_p50_s": None,
        "delivery_longest_s": None,
        "fused_ratio": None,
    }


def test_the_table_puts_truth_and_report_side_by_side() -> None:
    assert room_rows(room(event(12.0, 16.0), event(30.0, 32.0))) == [
        ("falls at 10.0 s, down by 11.0 s", "[green]fall[/] at 12.0 s", "2.0 s"),
        ("no fall", "[yellow]fall[/] at 30.0 s", ""),
    ]


def test_the_share_of_fused_answers_is_of_each_room_and_of_all() -> None:
    rooms = [room(), room(), room()]
    rooms[0].windows = {"fused": 30.0, "video": 10.0, "imu": 0.0}
    rooms[1].windows = {"fused": 0.0, "video": 20.0}
    assert [each.fused_ratio for each in rooms] == [0.75, 0.0, None]
    assert fused_ratio(rooms) == 0.5


def test_the_table_shows_the_share_of_fused_answers() -> None:
    watched = room(event(12.0, 16.0))
    watched.windows = {"fused": 30.0, "video": 10.0}
    console = Console(record=True, width=120)
    print_table([watched], summarise([watched], {}), console)
    text = console.export_text()
    assert "windows fused" in text
    assert "75%" in text


def test_the_table_names_a_missed_fall() -> None:
    (row,) = room_rows(room())
    assert row == ("falls at 10.0 s, down by 11.0 s", "[bold red]missed", "")


@pytest.mark.slow
def test_somebody_falls_in_every_room_of_the_demo_and_four_times_at_least() -> None:
    falls = []
    for plan in room_plans(ROOMS, SECONDS, SEED):
        _, _, track = simulate_motion(plan)
        falls.append([label for label, _ in groupby(track.labels)].count("falling"))
    assert min(falls) >= 1
    assert sum(falls) >= 4


@pytest.mark.gst
@pytest.mark.slow
def test_rooms_in_which_nobody_falls_are_refused(tmp_path: Path) -> None:
    plans = room_plans(rooms=1, seconds=1.0, seed=0)
    done: list[str] = []
    with pytest.raises(PipelineError, match=r"^nobody falls in these rooms; give an"):
        build_rooms(tmp_path, plans, lambda label: label, done.append)
    assert done == [plans[0].name]


@pytest.mark.gst
@pytest.mark.ray
@pytest.mark.slow
def test_a_wearable_that_cannot_be_played_ends_it_with_its_own_error(
    tmp_path: Path,
) -> None:
    imu = tmp_path / "a.csv"
    imu.write_text("t_s,ax_mps2\n0,1\n")
    played = room(video=write_numbered(tmp_path / "a.mp4", 60), imu=imu)
    received: list[object] = []
    playing = play([played], tmp_path, SystemClock(), received.append, received.append)
    with pytest.raises(FootageError, match=r"a\.csv"):
        run(playing, 100.0)
