"""The bed in the whole chain.

A row of colours says what the recogniser sees at each step of 375 ms (``w`` walking,
``l`` fallen, ``e`` an empty room), and a row of places where the person is: ``L`` lies
in the bed, ``.`` is outside, and a blank is not found.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest

from pipelines.live.bed import BedSettings
from pipelines.live.subject import Record, Subject
from pipelines.live.watch import Watch
from pipelines.live.zones import Zone
from pipelines.records import (
    ActionEvent,
    BedStatus,
    Frame,
    PersonPose,
    Placement,
    Prediction,
)
from tests.fakes import (
    ColourRecognizer,
    FakeClock,
    PlacedPeople,
    colour_frames,
    play,
)

BED = Zone("left", "bed", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
BRIEF = BedSettings(settle_s=0.7, exit_s=1.0)


def person(mark: str, number: int = 1) -> PersonPose:
    landmarks = np.full((33, 3), 0.9, np.float32)
    landmarks[:, 0] = 0.3 if mark == "L" else 0.7
    return PersonPose(number, landmarks)


def watched(
    colours: str,
    places: str,
    zones: Sequence[Zone] = (BED,),
    placement: Placement | None = None,
    open_events: tuple[ActionEvent, ...] = (),
) -> list[Record]:
    frames = colour_frames("bed-4", colours)
    if placement is not None:
        frames = [replace(frame, placement=placement) for frame in frames]
    return asyncio.run(records_of(frames, places, zones, open_events))


async def records_of(
    frames: Sequence[Frame],
    places: str,
    zones: Sequence[Zone],
    open_events: tuple[ActionEvent, ...],
) -> list[Record]:
    recognizer = ColourRecognizer()
    recognizer.info = replace(recognizer.info, view="pose")
    people = {tick: [person(mark)] for tick, mark in enumerate(places) if mark != " "}
    subject = Subject(
        "bed-4",
        play(frames),
        open_events=open_events,
        zones=tuple(zones),
        bed_settings=BRIEF,
    )
    chain = Watch([subject], recognizer, FakeClock(), view=PlacedPeople(people))
    async with aclosing(chain.records()) as records:
        return [record async for record in records]


def events_of(records: Sequence[Record]) -> list[tuple[str, str]]:
    events = [record for record in records if isinstance(record, ActionEvent)]
    return [(event.name, event.state) for event in events if event.name != "walking"]


def test_somebody_who_lies_in_bed_has_not_fallen() -> None:
    """The recogniser is sure of a fall; so it is one without the zone."""
    lying = ("wwwwffllllllllllll", "LLLLLLLLLLLLLLLLLL")
    assert events_of(watched(*lying)) == []
    assert ("fall", "started") in events_of(watched(*lying, zones=[]))
    predictions = [r for r in watched(*lying) if isinstance(r, Prediction)]
    assert all(each.scores["fallen"] == 0.0 for each in predictions)


def test_a_fall_out_of_bed_is_a_fall() -> None:
    records = watched("llllllffllllllllll", "LLLLLL............")
    assert set(events_of(records)) >= {("bed exit", "started"), ("fall", "started")}
    starts = {r.name: r.start_ns for r in records if isinstance(r, ActionEvent)}
    assert starts["bed exit"] == starts["fall"] == 6 * 375_000_000


def test_a_sleeper_whom_a_blanket_hides_is_in_bed_and_has_not_fallen() -> None:
    records = watched("wwwwffllllllllllll", "LLLLLLL           ")
    assert events_of(records) == []
    states = [record for record in records if isinstance(record, BedStatus)]
    assert states == [BedStatus("bed-4", "in", 0)]


def test_a_bed_exit_is_reported_with_its_end() -> None:
    """Ticks             0123456789012345"""
    records = watched("wwwwwwwwwwwwwwww", "LLLL......LLLLLL")
    step_ns = 375_000_000
    states = [record for record in records if isinstance(record, BedStatus)]
    assert states == [
        BedStatus("bed-4", "in", 0),
        BedStatus("bed-4", "out", 4 * step_ns),
        BedStatus("bed-4", "in", 10 * step_ns),
    ]
    started, ended = (
        r for r in records if isinstance(r, ActionEvent) and r.name == "bed exit"
    )
    assert (started.start_ns, started.decided_ns) == (4 * step_ns, 7 * step_ns)
    assert (ended.event_id, ended.end_ns) == (started.event_id, 10 * step_ns)


def test_an_exit_that_is_open_at_the_end_of_a_recording_ends_there() -> None:
    records = watched("wwwwwwwwww", "LLLL......")
    assert events_of(records) == [("bed exit", "started"), ("bed exit", "ended")]


def test_an_open_exit_of_an_earlier_process_goes_on() -> None:
    started = next(
        record
        for record in watched("wwwwwwwwww", "LLLL......")
        if isinstance(record, ActionEvent) and record.name == "bed exit"
    )
    records = watched("wwwww", "..LLL", open_events=(started,))
    assert events_of(records) == [("bed exit", "ended")]


def test_zones_are_shares_of_the_picture_before_it_was_cropped() -> None:
    """Frames show the right half: what is at 0.3 of a frame is at 0.65 of all."""
    right_half = Placement(left=-1.0, width=2.0)
    records = watched("wwwwffllllllllllll", "L" * 18, placement=right_half)
    assert ("fall", "started") in events_of(records)


def test_zones_need_a_recogniser_that_sees_people() -> None:
    subject = Subject("bed-4", play([]), zones=(BED,))
    with pytest.raises(ValueError, match=r"^'bed-4' has zones, and colour sees no"):
        Watch([subject], ColourRecognizer(), FakeClock())
