"""Two people in one view: who was seen where, what is kept and what is reported."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.clip.card import Card, write_card
from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.data.footage import LabelledSpan
from pipelines.lab.data.truth import read_truth
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.pair import Actor, Pair, PairKind, PairPlan, live_pair
from pipelines.lab.simulation.world import LANDMARKS
from pipelines.lab.studies.event_report import RecordingResult
from pipelines.lab.studies.matching import Episode
from pipelines.lab.studies.pairs.report import (
    figure_rows,
    report_json,
    report_pairs,
    wrong_rows,
)
from pipelines.lab.studies.pairs.results import (
    RESULTS_NAME,
    CaseResult,
    FalseFall,
    TrueFall,
    open_cases,
)
from pipelines.lab.studies.pairs.sightings import (
    FallSight,
    Sighting,
    sight,
    sight_fall,
)
from pipelines.lab.studies.pairs.study import plan_pairs
from pipelines.lab.studies.pairs.watching import early_events, high_before_s, run_case
from pipelines.live.views import ViewedFrame
from pipelines.records import FALL, Frame, PersonPose, Prediction
from tests.tiny_checkpoint import save_tiny_checkpoint

SHOULDERS, HIPS = (11, 12), (23, 24)
WELL = FallSight(1.0, 1.0, 0.0, 0.0, changed=False, swapped=False)


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A carer beside somebody on the chair, both there at 12 s."""
    return live_pair(PairPlan("carer", 1, 1))


def pose_of(actor: Actor, time_s: float, number: int, shift: float = 0.0) -> PersonPose:
    """What a faultless finder returns of a person, shifted across."""
    qpos = actor.track.qpos[int(time_s * SAMPLE_RATE_HZ)]
    marks = actor.world.landmarks(qpos)
    landmarks = np.zeros((33, 3), np.float32)
    for part, places in (("chest", SHOULDERS), ("pelvis", HIPS)):
        across, down, _, _ = marks[LANDMARKS.index(part)]
        # a picture of 4 to 3 fills the middle three quarters of its square
        landmarks[list(places)] = across + shift, (down * 240 + 40) / 320, 1
    return PersonPose(number, landmarks)


def viewed(time_s: float, *people: PersonPose) -> ViewedFrame:
    frame = Frame("a", seconds_to_ns(time_s), 0, np.zeros((8, 8, 3), np.uint8))
    return ViewedFrame(frame, (frame,), people)


def test_each_person_found_is_the_one_whose_body_is_there(pair: Pair) -> None:
    cared_for, carer = pose_of(pair.watched, 12, 7), pose_of(pair.companion, 12, 3)
    for people in ((cared_for, carer), (carer, cared_for)):
        seen = sight(pair, viewed(12, *people))
        assert (seen.time_s, seen.watched, seen.companion) == (12.0, 7, 3)
    seen = sight(pair, viewed(12, carer))
    assert (seen.watched, seen.companion) == (None, 3)
    seen = sight(pair, viewed(12))
    assert (seen.watched, seen.companion) == (None, None)


def test_a_pose_far_from_both_bodies_is_nobody(pair: Pair) -> None:
    astray = pose_of(pair.watched, 12, 7, shift=0.9)
    seen = sight(pair, viewed(12, astray))
    assert (seen.watched, seen.companion) == (None, None)


def test_an_absent_person_is_not_found() -> None:
    alone = live_pair(PairPlan("carer", 1, 4))
    seen = sight(alone, viewed(12, pose_of(alone.companion, 12, 1)))
    assert (seen.watched, seen.companion) == (None, 1)
    assert not seen.is_outside
    assert not seen.is_hidden


def test_the_nearer_body_hides_the_trunk_behind_it_and_not_the_reverse(
    pair: Pair,
) -> None:
    """The companion is put on the line from the camera to the other's pelvis."""
    watched = pair.watched
    eye = np.array(watched.world.view.position_m)
    qpos = watched.track.qpos[-1]
    watched.world.pose(qpos)
    chest = watched.world.data.geom("chest").xpos.copy()
    for share, is_hidden in ((0.6, True), (1.3, False)):
        moved = qpos.copy()
        moved[:3] += (share - 1) * (chest - eye)
        track = replace(watched.track, qpos=np.array([moved]))
        before = Actor(watched.world, track)
        both = replace(pair, companion=before)
        seen = sight(both, viewed(len(watched.track.labels) / SAMPLE_RATE_HZ))
        assert seen.is_hidden == is_hidden


def sightings(text: str) -> list[Sighting]:
    """Sightings a second apart: number of the watched, then of the other; - is none."""
    pairs = [
        [None if each == "-" else int(each) for each in step] for step in text.split()
    ]
    return [
        Sighting(float(i), one, other, is_hidden=False, is_outside=False)
        for i, (one, other) in enumerate(pairs)
    ]


# falls at 3 s, is down at 4 s: falling is seen from 2 to 5 s, lying from 5 s on
@pytest.mark.parametrize(
    ("text", "falling", "lying", "changed", "swapped"),
    [
        ("12 12 12 12 12 12 12", 1.0, 1.0, False, False),
        ("12 12 12 -2 -2 12 -2", 1 / 3, 0.5, False, False),
        ("12 12 12 -2 -2 32 32", 1 / 3, 1.0, True, False),
        ("12 12 12 -2 -2 21 2-", 1 / 3, 1.0, True, True),
        ("-2 -2 -2 -2 -2 -2 -2", 0.0, 0.0, False, False),
    ],
)
def test_a_fall_s_sight_counts_moments_and_compares_numbers(
    text: str, falling: float, lying: float, changed: bool, swapped: bool
) -> None:
    seen = sight_fall(sightings(text), 3.0, 4.0)
    assert (seen.falling, seen.lying) == pytest.approx((falling, lying))
    assert (seen.changed, seen.swapped) == (changed, swapped)


FALL_SEEN = TrueFall(
    9.0, 10.5, None, 0.7, 0.5, 0.0, was_open=False, seen="falling", sight=WELL
)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (replace(WELL, falling=0.4, hidden=0.6), "not found while falling: hidden by"),
        (replace(WELL, lying=0.4, outside=0.6), "not found lying there: mostly out"),
        (replace(WELL, lying=0.4), "not found lying there"),
        (replace(WELL, changed=True, swapped=True), "continued as the other person"),
        (replace(WELL, changed=True), "continued as a new person"),
        (WELL, "seen, but the score was not high for long enough"),
    ],
)
def test_a_missed_fall_has_the_finder_s_reason(seen: FallSight, reason: str) -> None:
    assert replace(FALL_SEEN, sight=seen).reason.startswith(reason)


@pytest.mark.parametrize(
    ("fall", "reason"),
    [
        (replace(FALL_SEEN, falling_score=0.11), "not seen as falling"),
        (replace(FALL_SEEN, before_s=1.1), "somebody seemed to lie there before"),
        (replace(FALL_SEEN, was_open=True), "an earlier false fall was still open"),
        (replace(FALL_SEEN, before_s=0.9), "seen, but the score was not high"),
    ],
)
def test_a_missed_fall_has_the_score_s_reason(fall: TrueFall, reason: str) -> None:
    assert fall.reason.startswith(reason)


def window(end_s: int, score: float) -> Prediction:
    scores = {"fallen": score / 2, "falling": score / 2, "sitting": 1 - score}
    end_ns = seconds_to_ns(end_s)
    return Prediction(
        "a", 0, end_ns, "x", 1.0, 1.0, 0.0, scores, {}, "video", "m", "p", False, 0
    )


def test_the_score_before_a_fall_is_high_for_as_long_as_no_window_was_low() -> None:
    events = {"fallen": FALL, "falling": FALL, "sitting": "sitting"}
    high = [0.9, 0.1, 0.7, 0.6, 0.9, 0.1]  # windows end at 1, 2, ... 6 s
    windows = [window(i + 1, score) for i, score in enumerate(high)]
    assert high_before_s(windows, events, seconds_to_ns(5.5)) == 2.5
    assert high_before_s(windows, events, seconds_to_ns(2.5)) == 0.0
    assert high_before_s(windows, events, seconds_to_ns(0.5)) == 0.0


def episode(start_s: float, decided_s: float, end_s: float) -> Episode:
    start_ns, decided_ns, end_ns = map(seconds_to_ns, (start_s, decided_s, end_s))
    return Episode(start_ns, decided_ns, end_ns, 0.9)


def test_an_event_decided_before_the_fall_is_early_though_it_lasts_into_it() -> None:
    spans = (
        LabelledSpan("x", "falling", "", 9.0, 10.0),
        LabelledSpan("x", "fallen", "", 10.0, 28.0),
    )
    early, lasting = episode(1, 2, 3), episode(3, 4, 28)
    right, again = episode(9, 11, 12), episode(20, 21, 22)
    for episodes, expected in (
        ((lasting,), [lasting]),
        ((early, right, again), []),  # the first touches no fall
        ((early, lasting), [lasting]),
    ):
        truth = read_truth(spans, lambda label: label)
        seen = RecordingResult("x", truth, 28 * NS_PER_S, (), episodes)
        assert early_events(seen) == expected


def case(
    number: int,
    delay_s: float | None = None,
    *,
    kind: PairKind = "fall",
    false: int = 0,
    second: bool = False,
    seen: FallSight = WELL,
) -> CaseResult:
    fall = replace(FALL_SEEN, delay_s=delay_s, sight=seen)
    raised = (FalseFall(20.0, 22.0, "lying in bed", "kneeling"),) * false
    return CaseResult(
        kind,
        number,
        f"{kind}-1-{number:03d}",
        "stiff" if number % 2 else "reacting",
        second,
        fall if kind == "fall" else None,
        raised,
    )


CASES = [
    case(0, 1.0),
    case(1, 2.0, second=True),
    case(2, 4.0, false=1),
    case(3, None, seen=replace(WELL, falling=0.1)),
    case(0, kind="carer"),
    case(1, kind="carer", false=2),
]


def test_the_report_counts_falls_delays_and_cases_with_false_falls() -> None:
    report = report_pairs(CASES, 1)
    falls, carers = report.figures["fall"], report.figures["carer"]
    assert falls["recall"].value == 0.75
    assert falls["recall"].counts == {"found": 3, "falls": 4}
    # Wilson 1927 for 3 of 4
    assert falls["recall"].interval == pytest.approx((0.301, 0.954), abs=1e-3)
    assert falls["delay_p50_s"].value == 2.0
    assert falls["delay_p95_s"].value == pytest.approx(3.8)
    assert falls["raised"].counts == {"raised": 1, "cases": 4}
    assert carers["raised"].counts == {"raised": 1, "cases": 2}
    assert report.by_way["stiff"].counts == {"found": 1, "falls": 2}
    assert report.by_way["reacting"].value == 1.0
    assert report.by_way["the faller came second"].counts == {"found": 1, "falls": 1}
    assert report.reasons == {"not found while falling": 1}


def test_the_report_lists_each_wrong_case_with_its_reason() -> None:
    report = report_pairs(CASES, 1)
    assert [row[0] for row in wrong_rows(report)] == [
        "fall-1-002",
        "fall-1-003",
        "carer-1-001",
    ]
    what = [row[2] for row in wrong_rows(report)]
    false = "false at 20.0 s, decided at 22.0 s: lying in bed and kneeling"
    missed = "missed at 9.0 s: not found while falling (score 0.70, seen as falling)"
    assert what == [false, missed, f"{false}; {false}"]
    facts = json.loads(json.dumps(report_json(report)))
    assert facts["fall"]["recall"]["value"] == 0.75
    assert [each["what"] for each in facts["wrong"]] == what
    assert figure_rows(report)[0][1:] == ("0.75", "0.30 to 0.95", "found 3, falls 4")


def test_cases_of_one_kind_alone_are_reported() -> None:
    report = report_pairs(CASES[:3], 1)
    assert set(report.figures) == {"fall"}


def test_results_are_read_again_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / RESULTS_NAME
    open_cases(path, {"seed": 1}).add(CASES)
    again = open_cases(path, {"seed": 1})
    assert list(again.done.values()) == CASES
    assert set(again.done) == {(case.kind, case.number) for case in CASES}


def test_more_cases_leave_the_others_as_they_are() -> None:
    few, many = plan_pairs(2, 1, 5), plan_pairs(4, 3, 5)
    assert set(few) < set(many)
    assert len(set(many)) == len({plan.name for plan in many}) == 7


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny-pose")
    write_card(folder, Card("pose", 0.7))
    return folder


@pytest.mark.slow
@pytest.mark.gst
def test_a_fall_that_is_missed_has_its_facts_and_a_contact_sheet(
    tiny: Path, tmp_path: Path
) -> None:
    """A tiny checkpoint that was never trained finds nothing."""
    plan = PairPlan("fall", 1, 8)
    built = build_recognizer(tiny)
    resolve: Callable[[str], str | None] = built.prompt_set.resolve
    with InProcessRecognizer(built) as recognizer:
        result = run_case(plan, recognizer, resolve, tmp_path)
    assert (result.name, result.way, result.came_second) == (
        plan.name,
        "out of bed",
        False,
    )
    labels = live_pair(plan).watched.track.labels
    assert result.fall is not None
    assert result.fall.onset_s == labels.index("falling") / SAMPLE_RATE_HZ
    assert result.is_missed
    assert result.fall.peak_score < 0.6
    assert result.fall.sight.lying > 0.5
    assert [path.name for path in tmp_path.iterdir()] == [f"{plan.name}.png"]
