"""The bed, drawn: where each person is at each half second.

``L`` lies in the bed, ``h`` has only the hips inside, ``.`` is outside, and a blank is
a person who is not found. Below, ``I`` and ``O`` are the decisions that somebody is in
or out of bed, ``S`` and ``E`` those that a bed exit starts and ends.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S
from pipelines.live.bed import BedSettings, BedWatch, lying_in_bed
from pipelines.live.zones import Zone
from pipelines.recognition import RecognizerInfo
from pipelines.records import (
    NO_BARS,
    ActionEvent,
    BedStatus,
    PersonPose,
    Placement,
    Prediction,
)

BED = Zone("left bed", "bed", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
CHAIR = Zone("chair", "chair", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
EVENTS = {
    "falling": "fall",
    "fallen": "fall",
    "lying in bed": "lying in bed",
    "walking": "walking",
}
INFO = RecognizerInfo("tiny", "ward@1", tuple(EVENTS), EVENTS, 32, view="pose")
HALF_S_NS = NS_PER_S // 2
SETTINGS = BedSettings(settle_s=1.0, exit_s=2.0)
INSIDE, OUTSIDE = 0.2, 0.8
NOSE, HIPS = 0, [23, 24]


def person(number: int, mark: str) -> PersonPose:
    """Everybody is on a line at half the height of the picture."""
    landmarks = np.full((33, 3), 0.5, np.float32)
    landmarks[:, 0] = INSIDE if mark == "L" else OUTSIDE
    landmarks[HIPS, 0] = OUTSIDE if mark == "." else INSIDE
    landmarks[:, 2] = 1.0
    return PersonPose(number, landmarks)


def watch(
    *rows: str,
    zones: Sequence[Zone] = (BED,),
    placement: Placement = NO_BARS,
    bed: BedWatch | None = None,
) -> list[tuple[int, BedStatus | ActionEvent]]:
    """Watch rows of people; return each record with the step of its decision."""
    watcher = bed or BedWatch("bed-4", zones, INFO, SETTINGS)
    records = []
    for step in range(len(rows[0])):
        people = [
            person(number, row[step])
            for number, row in enumerate(rows, start=1)
            if row[step] != " "
        ]
        added = watcher.add(people, placement, step * HALF_S_NS)
        records += [(step, record) for record in added]
    return records


def draw(records: Sequence[tuple[int, BedStatus | ActionEvent]], steps: int) -> str:
    """Draw decisions; an exit's letter hides that of the state, which comes first."""
    row = [" "] * steps
    letters = {"in": "I", "out": "O", "started": "S", "ended": "E"}
    for step, record in records:
        row[step] = letters[record.state]
    return "".join(row).rstrip()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("..LLLL", "    I"),  # one second of lying, then in bed
        ("..hhhhhhh", ""),  # sitting on the edge is not lying
        ("LL.LL.LL.L", ""),  # never a second in a row
        ("LLLLhhhhhh", "  I"),  # a person who sits up is still in bed
        ("LLLL.......", "  I     S"),  # two seconds outside
        ("LLLL...L...h", "  I"),  # never two seconds in a row
        ("LLLL....LLLLL", "  I"),  # back just in time
        ("LLLL.....LLLL", "  I     S  E"),
        ("LLLL         ", "  I"),  # not found is no exit
        ("LLLL   .......", "  I"),  # numbers of the lost are given to others
        ("LLLL   hh.......", "  I          S"),
        ("LLLL.        ", "  I"),  # lost at once: maybe a mistake of the finder
        ("LLLL...      ", "  I     S"),  # seen outside for a second, then gone
        ("LLLL...  LLLL", "  I     S  E"),
        ("......", "    O"),  # the first state may be out, without an exit
        ("......LLLL", "    O   I"),
        ("hhhhhhh.....", "           O"),
    ],
)
def test_lying_down_and_leaving_are_decided_after_a_while(
    place: str, expected: str
) -> None:
    assert draw(watch(place), len(place)) == expected.rstrip()


@pytest.mark.parametrize(
    ("patient", "other", "expected"),
    [
        # A carer comes and goes, and reaches over the bed.
        ("LLLLLLLLLLLL", "..hhhh......", "  I"),
        # A carer comes while nobody is found in the bed.
        ("LLLL        ", "     .......", "  I"),
        # Found again under another number: in the bed, and then outside.
        ("LLLL        ", "      hhh......", "  I          S"),
        # Found again outside: nobody knows that it is the same person.
        ("LLLL        ", "       .....", "  I"),
        # Two people in one bed: it is left when both have left.
        ("LLLL.......", "LLLLLLL....", "  I"),
        ("LLLL........", "LLLLLLL.......", "  I        S"),
    ],
)
def test_only_somebody_who_was_in_bed_leaves_it(
    patient: str, other: str, expected: str
) -> None:
    steps = max(len(patient), len(other))
    records = watch(patient.ljust(steps), other.ljust(steps))
    assert draw(records, steps) == expected


def test_a_bed_exit_is_an_event_from_the_leaving_to_the_return() -> None:
    """Steps           0123456789012345"""
    records = watch("LLLL......LLLL")
    assert [step for step, _ in records] == [2, 8, 8, 12, 12]
    entered, left, started, again, ended = (record for _, record in records)
    assert entered == BedStatus("bed-4", "in", 0)
    assert left == BedStatus("bed-4", "out", 4 * HALF_S_NS)
    assert again == BedStatus("bed-4", "in", 10 * HALF_S_NS)
    assert isinstance(started, ActionEvent)
    assert isinstance(ended, ActionEvent)
    assert (started.name, started.label) == ("bed exit", "out of bed")
    assert (started.start_ns, started.decided_ns) == (4 * HALF_S_NS, 8 * HALF_S_NS)
    assert started.end_ns is None
    assert (started.model, started.prompt_set) == ("tiny", "ward@1")
    changed = {"state", "end_ns", "decided_ns"}
    for name in set(ActionEvent.__slots__) - changed:
        assert getattr(ended, name) == getattr(started, name)
    assert ended.end_ns == 10 * HALF_S_NS
    assert ended.decided_ns == 12 * HALF_S_NS


def test_an_open_exit_ends_with_the_stream() -> None:
    bed = BedWatch("bed-4", [BED], INFO, SETTINGS)
    watch("LLLL......", bed=bed)
    (ended,) = bed.flush()
    assert (ended.state, ended.end_ns) == ("ended", 9 * HALF_S_NS)
    assert bed.flush() == []


def test_an_exit_of_an_earlier_process_goes_on_until_somebody_lies_down() -> None:
    (_, started), *_ = (
        (step, record)
        for step, record in watch("LLLL......")
        if isinstance(record, ActionEvent)
    )
    bed = BedWatch("bed-4", [BED], INFO, SETTINGS)
    bed.resume(replace(started, name="fall"))
    bed.resume(started)
    records = watch("  .LLL", bed=bed)
    out, back, ended = (record for _, record in records)
    assert out == BedStatus("bed-4", "out", started.start_ns)
    assert isinstance(back, BedStatus)
    assert isinstance(ended, ActionEvent)
    assert (ended.event_id, ended.state) == (started.event_id, "ended")


def test_only_zones_of_the_kind_bed_are_beds() -> None:
    assert watch("LLLLLL....", zones=[CHAIR]) == []
    assert watch("LLLLLL....", zones=[]) == []


def test_hips_and_body_must_be_in_the_same_bed() -> None:
    """The body lies in one bed, the hips are on the other, 0.15 to 0.25 across."""
    other = Zone("narrow", "bed", ((0.75, 0.4), (0.85, 0.4), (0.85, 0.6), (0.75, 0.6)))
    hips_only = Zone("left", "bed", ((0.1, 0.4), (0.3, 0.4), (0.3, 0.6), (0.1, 0.6)))
    assert watch("hhhhhh", zones=[other, hips_only]) == []


def test_places_are_shares_of_the_picture_without_its_bars() -> None:
    """The frame shows the right half of the picture: nobody in it is on the left."""
    right_half = Placement(left=-1.0, top=0.0, width=2.0, height=1.0)
    assert watch("LLLL", placement=right_half) == []
    assert draw(watch("LLLL", placement=Placement(-0.1)), 4) == "  I"


def test_hidden_joints_do_not_count_as_body() -> None:
    """Only shoulders, elbows and hips are seen; the rest is a guess, and outside."""
    sleeper = person(1, "h")
    sleeper.landmarks[:, 2] = 0.1
    seen = [11, 12, 13, 14, *HIPS]
    sleeper.landmarks[seen, 2] = 0.9
    sleeper.landmarks[seen, 0] = INSIDE
    bed = BedWatch("bed-4", [BED], INFO, SETTINGS)
    records = [bed.add([sleeper], NO_BARS, step * HALF_S_NS) for step in range(3)]
    assert records[2] == [BedStatus("bed-4", "in", 0)]


rows = st.text(alphabet="Lh. ", min_size=1, max_size=60)


@settings(deadline=None)
@given(rows, rows)
def test_each_change_from_in_to_out_is_one_exit(one: str, other: str) -> None:
    steps = max(len(one), len(other))
    records = [record for _, record in watch(one.ljust(steps), other.ljust(steps))]
    states = [record.state for record in records if isinstance(record, BedStatus)]
    assert all(before != after for before, after in pairwise(states))
    exits = [record for record in records if isinstance(record, ActionEvent)]
    begun = [event for event in exits if event.state == "started"]
    assert len(begun) == list(pairwise(states)).count(("in", "out"))
    assert [event.state for event in exits[::2]] == ["started"] * len(begun)
    for start, end in zip(exits[::2], exits[1::2], strict=False):
        assert (end.state, end.event_id) == ("ended", start.event_id)
        assert end.end_ns is not None
        assert end.end_ns > start.start_ns


@settings(deadline=None)
@given(rows)
def test_one_picture_decides_nothing(row: str) -> None:
    """A finder that errs in single pictures puts nobody into bed, or out of it."""
    without_l, without_dot = row.replace("L", "h"), row.replace(".", "h")
    if "L" in row:
        place = row.index("L")
        once = without_l[:place] + "L" + without_l[place + 1 :]
        assert not [r for _, r in watch(once) if r.state == "in"]
    if "." in row:
        place = row.index(".")
        once = without_dot[:place] + "." + without_dot[place + 1 :] + "h"
        assert not [r for _, r in watch(once) if r.state == "out"]


@pytest.mark.slow
@settings(deadline=None)
@given(rows)
def test_more_unseen_steps_at_the_end_never_put_anybody_into_bed(row: str) -> None:
    states = [r for _, r in watch(row) if isinstance(r, BedStatus)]
    later = [r for _, r in watch(row + " " * 10) if isinstance(r, BedStatus)]
    assert later[: len(states)] == states
    assert all(record.state == "out" for record in later[len(states) :])


@settings(deadline=None)
@given(rows)
def test_somebody_who_never_lies_leaves_no_bed(row: str) -> None:
    records = watch(row.replace("L", "h"))
    assert not [r for _, r in records if isinstance(r, ActionEvent)]


SCORES = {"falling": 0.2, "fallen": 0.5, "lying in bed": 0.2, "walking": 0.1}


def prediction(step: int, scores: dict[str, float] = SCORES) -> Prediction:
    return Prediction(
        subject_id="bed-4",
        start_ns=0,
        end_ns=step * HALF_S_NS,
        label="fallen",
        confidence=scores["fallen"],
        margin=0.3,
        entropy=1.0,
        scores=scores,
        cosines=scores,
        modality="video",
        model="tiny",
        prompt_set="ward@1",
        partial=False,
        missing_frames=0,
    )


def test_the_scores_of_a_fall_move_to_lying_in_bed() -> None:
    moved = lying_in_bed(prediction(0), EVENTS)
    expected = {"falling": 0, "fallen": 0, "lying in bed": 0.9, "walking": 0.1}
    assert moved.scores == pytest.approx(expected)
    assert moved.label == "lying in bed"
    assert moved.confidence == pytest.approx(0.9)
    assert moved.margin == pytest.approx(0.8)
    assert moved.entropy == pytest.approx(0.325, abs=0.001)
    assert moved.cosines == SCORES


def test_without_such_a_label_the_scores_of_a_fall_vanish() -> None:
    scores = {"falling": 0.2, "fallen": 0.5, "walking": 0.3}
    moved = lying_in_bed(prediction(0, scores), EVENTS)
    assert moved.scores == {"falling": 0, "fallen": 0, "walking": 0.3}
    assert (moved.label, moved.confidence) == ("walking", 0.3)


@pytest.mark.parametrize(
    ("place", "step", "label"),
    [
        ("hhhh", 3, "lying in bed"),  # the hips are enough
        ("LLLL", 2, "lying in bed"),
        ("....", 3, "fallen"),
        ("LLL...", 5, "fallen"),  # rolled out of bed
        ("LLL...", 2, "lying in bed"),  # a window that waited for its wearable
        ("...LLL", 2, "fallen"),
        ("LLL      ", 8, "lying in bed"),  # hidden by a blanket
        ("  LL", 1, "fallen"),  # nobody had been seen
    ],
)
def test_hips_in_bed_at_the_end_of_a_window_exclude_a_fall(
    place: str, step: int, label: str
) -> None:
    bed = BedWatch("bed-4", [BED], INFO, SETTINGS)
    watch(place, bed=bed)
    assert bed.correct(prediction(step), person=1).label == label


def test_a_fall_beside_somebody_in_bed_is_a_fall() -> None:
    bed = BedWatch("bed-4", [BED], INFO, SETTINGS)
    watch("LLLLL", "  ...", bed=bed)
    assert bed.correct(prediction(4), person=1).label == "lying in bed"
    assert bed.correct(prediction(4), person=2).label == "fallen"
    assert bed.correct(prediction(4), person=3).label == "fallen"


@pytest.mark.parametrize("name", ["settle_s", "exit_s"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_times_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be zero or more and finite"):
        BedSettings(**{name: value})
