"""One subject over days, with few clips a block so that weeks pass in a second."""

import json
from dataclasses import replace

import numpy as np
import pytest

from models.window import Modality
from pipelines.clock import NS_PER_S
from pipelines.live.drift.settings import DriftSettings
from pipelines.live.drift.subject import DriftRecord, Origin, SubjectDrift
from pipelines.records import (
    Clip,
    DriftAlert,
    DriftStatus,
    Frame,
    ImuBatch,
    Prediction,
)

SETTINGS = DriftSettings(block_s=3600, learning_days=4)
ORIGIN = Origin("abc123", "ward@1", "rtsp://cam")
DAY_NS = 86_400 * NS_PER_S
STEP_NS = 600 * NS_PER_S
ROOM = np.random.default_rng(0).integers(20, 220, (64, 64, 3)).astype(np.uint8)
TYPICAL = np.eye(1, 16, dtype=np.float32).repeat(4, axis=0)


def subject(origin: Origin = ORIGIN) -> SubjectDrift:
    return SubjectDrift("bed-4", origin, SETTINGS, calibrated=["video"])


def clip_at(
    end_ns: int, features: np.ndarray = TYPICAL, imu: np.ndarray | None = None
) -> Clip:
    return Clip(
        subject_id="bed-4",
        start_ns=end_ns - 3 * NS_PER_S,
        end_ns=end_ns,
        features=features,
        slots=(0, 1, 2, 3),
        imu=imu,
        imu_rate_hz=None if imu is None else 50.0,
        missing_frames=0,
        partial=False,
    )


def answer(clip: Clip, confidence: float = 0.8) -> Prediction:
    return Prediction(
        subject_id="bed-4",
        start_ns=clip.start_ns,
        end_ns=clip.end_ns,
        label="sitting",
        confidence=confidence,
        margin=confidence - 0.2,
        entropy=1 - confidence,
        scores={"sitting": confidence},
        cosines={"sitting": 0.3},
        modality="video",
        model="ward-clip",
        prompt_set="ward@1",
        partial=clip.partial,
        missing_frames=0,
    )


def batch_at(end_ns: int, offset_s: float) -> ImuBatch:
    times_ns = end_ns + np.arange(-4, 1, dtype=np.int64)
    samples = np.zeros((5, 3), np.float32)
    offset_ns = int(offset_s * NS_PER_S)
    return ImuBatch("wrist", times_ns, samples, samples.copy(), offset_ns)


def live(
    drift: SubjectDrift,
    days: float,
    first_day: float = 0.0,
    *,
    pixels: np.ndarray = ROOM,
    features: np.ndarray = TYPICAL,
    confidence: float = 0.8,
    worn: bool = True,
    offset_s: float = 0.0,
    modality: Modality = "video",
) -> list[DriftRecord]:
    records: list[DriftRecord] = []
    rng = np.random.default_rng(int(first_day * 10))
    imu = np.zeros((150, 6), np.float32) if worn else None
    for now_ns in range(
        int(first_day * DAY_NS), int((first_day + days) * DAY_NS), STEP_NS
    ):
        records += drift.add_frame(Frame("bed-4", now_ns, 0, pixels.copy()))
        if worn:
            records += drift.add_batch(batch_at(now_ns, offset_s))
        clip = clip_at(now_ns, features, imu)
        prediction = answer(clip, confidence + rng.normal(0, 0.01))
        records += drift.add_prediction(clip, replace(prediction, modality=modality))
    return records


def alerts_in(records: list[DriftRecord]) -> list[DriftAlert]:
    return [record for record in records if isinstance(record, DriftAlert)]


@pytest.mark.slow
def test_every_block_says_how_it_stands() -> None:
    statuses = [it for it in live(subject(), 5) if isinstance(it, DriftStatus)]
    assert len(statuses) == 5 * 24 - 1
    assert statuses[0].learning_left_s == 4 * 86_400 - 3600
    assert [statuses[k].state for k in (0, 94, 95, -1)] == [
        *("learning", "learning"),
        *("watching", "watching"),
    ]
    sure = [it.confidence for it in statuses]
    assert sure == pytest.approx([0.8] * len(sure), abs=0.02)
    assert {it.level for it in statuses[:95]} == {None}
    assert all(0 <= (it.level or 0) < 1 for it in statuses[95:])
    assert any(it.level for it in statuses[95:])


@pytest.mark.slow
def test_confidence_implies_an_accuracy_if_it_is_calibrated() -> None:
    (*_, status) = live(subject(), 2)
    assert isinstance(status, DriftStatus)
    assert status.accuracy is not None
    mean, low, high = status.accuracy
    assert mean == pytest.approx(0.8, abs=0.005)
    assert low < mean < high
    (*_, status) = live(SubjectDrift("bed-4", ORIGIN, SETTINGS), 2)
    assert isinstance(status, DriftStatus)
    assert status.accuracy is None


def test_answers_that_nobody_calibrated_imply_nothing() -> None:
    watched = subject()
    live(watched, 1)
    (*_, status) = live(watched, 0.5, 1, confidence=0.3, modality="fused")
    assert isinstance(status, DriftStatus)
    assert status.accuracy is None
    (*_, status) = live(watched, 0.25, 1.5)
    assert isinstance(status, DriftStatus)
    assert status.accuracy is not None
    assert status.accuracy[0] == pytest.approx(0.8, abs=0.01)  # 0.3 left nothing


#  block     0   1   2   3   4   5
#  answers   v   v   v   v   f v..   v     v: video, calibrated; f: fused, not
#  implies               y   y   -   y     stated at its end
def test_an_answer_that_nobody_calibrated_spoils_its_own_block_alone() -> None:
    watched, records = subject(), []
    for at in range(6 * 6 + 1):
        clip = clip_at(at * STEP_NS)
        modality: Modality = "fused" if at == 24 else "video"
        records += watched.add_prediction(
            clip, replace(answer(clip), modality=modality)
        )
    implied = [it.accuracy is not None for it in records if isinstance(it, DriftStatus)]
    assert implied == [False, False, True, True, False, True]


def test_a_restart_does_not_forget_that_nothing_is_implied() -> None:
    watched = subject()
    live(watched, 1)
    live(watched, 0.5, 1, modality="fused")
    restarted = subject()
    (status,) = restarted.restore(
        json.loads(json.dumps(watched.snapshot())), 2 * DAY_NS
    )
    assert isinstance(status, DriftStatus)
    assert status.accuracy is None


@pytest.mark.slow
def test_nothing_is_told_of_a_subject_on_whom_nothing_changes() -> None:
    assert alerts_in(live(subject(), 14)) == []


TURNED = np.roll(ROOM, 20, axis=1)
OTHER = np.eye(1, 16, 3, dtype=np.float32).repeat(4, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "signal", "cause"),
    [
        ({"pixels": (ROOM * 0.2).astype(np.uint8)}, "luma", "dark"),
        ({"pixels": np.full_like(ROOM, 90)}, None, "covered"),
        ({"pixels": TURNED}, "shift", "moved"),
        ({"features": OTHER}, "distance", "unknown"),
        ({"confidence": 0.5}, None, "unknown"),
        ({"worn": False}, "imu_missing", "imu silent"),
        ({"offset_s": 30.0}, "imu_offset", "imu offset"),
    ],
)
def test_a_change_is_found_and_named(
    change: dict[str, object], signal: str | None, cause: str
) -> None:
    drift = subject()
    assert alerts_in(live(drift, 5)) == []
    told = live(drift, 1, 5, **change)  # type: ignore[arg-type]  # of one kind each
    first, *_ = alerts_in(told)
    assert first.cause == cause
    after = [it for it in told[told.index(first) :] if isinstance(it, DriftStatus)]
    assert after[0].level == 1.0
    assert signal is None or first.signal == signal


@pytest.mark.slow
def test_who_wears_nothing_misses_nothing() -> None:
    assert alerts_in(live(subject(), 8, worn=False)) == []


def test_partial_clips_count_for_nothing() -> None:
    drift = subject()
    for second in range(0, 2 * 3600, 60):
        clip = replace(clip_at(second * NS_PER_S), partial=True)
        assert drift.add_prediction(clip, answer(clip)) == []


@pytest.mark.slow
def test_a_restarted_process_goes_on_watching() -> None:
    before = subject()
    live(before, 5)
    after = subject()
    memory = json.loads(json.dumps(before.snapshot()))
    (status,) = after.restore(memory, 5 * DAY_NS)
    assert isinstance(status, DriftStatus)
    assert status.state == "watching"
    assert alerts_in(live(after, 1, 5)) == []
    (alert, *_) = alerts_in(live(after, 1, 6, pixels=TURNED, worn=False))
    assert alert.cause in ("moved", "imu silent")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("origin", "causes"),
    [
        (replace(ORIGIN, model="def456"), ["model"]),
        (replace(ORIGIN, prompt_set="ward@2"), ["model"]),
        (replace(ORIGIN, camera="rtsp://other"), []),
    ],
)
def test_another_origin_is_told_and_learnt_anew(
    origin: Origin, causes: list[str]
) -> None:
    before = subject()
    live(before, 5)
    after = subject(origin)
    records = after.restore(before.snapshot(), 5 * DAY_NS)
    assert [alert.cause for alert in alerts_in(records)] == causes
    status = records[-1]
    assert isinstance(status, DriftStatus)
    assert status.state == "learning"
    assert "learning again" in status.note


@pytest.mark.slow
def test_a_damaged_memory_leaves_a_subject_that_learns() -> None:
    before, after = subject(), subject()
    live(before, 5)
    with pytest.raises(ValueError, match="expected 11"):
        after.restore(
            {
                **before.snapshot(),
                "monitor": {
                    **before.snapshot()["monitor"],
                    "learnt": [[1]],
                    "hours": [1],
                },
            },
            0,
        )
    assert after.status(0).state == "learning"
