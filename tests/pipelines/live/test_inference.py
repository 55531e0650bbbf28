"""Each picture is encoded once, and scores become predictions."""

import asyncio
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from models.window import Modality
from pipelines.live.inference import (
    FrameEncoder,
    ReuseSettings,
    cell_luma,
    predictions_of,
    recognise,
)
from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import Clip, Frame, Prediction
from tests.fakes import COLOUR_LETTERS, COLOURS, ColourRecognizer, colour_frames

STEP_NS = 375_000_000
INFO = RecognizerInfo("tiny", "ward@1", ("a", "b"), {"a": "a", "b": "b"}, 8)


def grey_frame(tick: int, level: int, changed_pixels: int = 0) -> Frame:
    pixels = np.full((32, 32, 3), level, np.uint8)
    pixels[:changed_pixels, :2] += 40
    return Frame("bed-4", tick * STEP_NS, tick, pixels)


def reused(frames: list[Frame], settings: ReuseSettings) -> list[bool]:
    encoder = FrameEncoder(ColourRecognizer(), settings)

    async def scene() -> list[bool]:
        return [(await encoder.encode([frame]))[0].reused for frame in frames]

    return asyncio.run(scene())


def test_frames_of_several_subjects_go_in_one_request() -> None:
    recognizer = ColourRecognizer()
    encoder = FrameEncoder(recognizer, ReuseSettings())
    frames = [
        colour_frames(f"bed-{bed}", letter, first_tick=7)[0]
        for bed, letter in enumerate("wfl")
    ]
    features = asyncio.run(encoder.encode(frames))
    assert recognizer.encoded_batches == [3]
    assert [feature.tick for feature in features] == [7, 7, 7]
    assert np.argmax(features[0].feature) == 1  # green
    assert np.argmax(features[1].feature) == 0  # red


def test_an_unchanged_picture_is_lent_its_feature_without_a_request() -> None:
    recognizer = ColourRecognizer()
    encoder = FrameEncoder(recognizer, ReuseSettings())
    (first,) = asyncio.run(encoder.encode([grey_frame(0, 90)]))
    (second,) = asyncio.run(encoder.encode([grey_frame(1, 90)]))
    assert recognizer.encoded_batches == [1]
    assert (first.reused, second.reused) == (False, True)
    assert np.array_equal(first.feature, second.feature)
    assert second.timestamp_ns == STEP_NS


def test_a_picture_lends_its_feature_for_a_bounded_time() -> None:
    still = [grey_frame(tick, 90) for tick in range(8)]  # 2 s are 5.3 steps
    assert reused(still, ReuseSettings(longest_s=2.0)) == [
        *(False, True, True, True, True, True),
        *(False, True),
    ]


def test_a_change_in_one_corner_is_a_change() -> None:
    moved = [grey_frame(0, 90), grey_frame(1, 90, changed_pixels=1)]
    assert reused(moved, ReuseSettings()) == [False, False]


def test_slow_changes_add_up_to_a_change() -> None:
    dimming = [grey_frame(tick, 90 - tick) for tick in range(4)]
    assert reused(dimming, ReuseSettings(difference_luma=1.5)) == [
        *(False, True),
        *(False, True),
    ]


def test_a_picture_of_another_size_is_a_change() -> None:
    small = Frame("bed-4", STEP_NS, 1, np.full((8, 8, 3), 90, np.uint8))
    assert reused([grey_frame(0, 90), small], ReuseSettings()) == [False, False]


def test_a_picture_from_before_the_lender_is_encoded() -> None:
    stepped_back = [grey_frame(3, 90), grey_frame(2, 90)]
    assert reused(stepped_back, ReuseSettings()) == [False, False]


def test_a_threshold_of_zero_encodes_every_picture() -> None:
    still = [grey_frame(tick, 90) for tick in range(3)]
    assert reused(still, ReuseSettings(difference_luma=0.0)) == [False] * 3


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_reuse_settings_out_of_range_are_refused(value: float) -> None:
    problem = f"must be zero or more and finite, got {re.escape(str(value))}$"
    with pytest.raises(ValueError, match=f"^difference_luma {problem}"):
        ReuseSettings(difference_luma=value)
    with pytest.raises(ValueError, match=f"^longest_s {problem}"):
        ReuseSettings(longest_s=value)


def test_luma_is_weighted_and_a_rest_at_the_edge_is_left_out() -> None:
    pixels = np.zeros((35, 35, 3), np.uint8)
    pixels[:, :] = (0, 100, 0)
    pixels[32:] = 255
    luma = cell_luma(pixels)
    assert luma.shape == (16, 16)
    assert np.allclose(luma, 58.7)


def clip(*, start_ns: int = 3, end_ns: int = 9) -> Clip:
    features = np.zeros((2, 3), np.float32)
    return Clip("bed-4", start_ns, end_ns, features, (2, 7), None, None, 1, True)


def predicted(*probabilities: float) -> Prediction:
    rows = np.array([probabilities], np.float32)
    scores = ClipScores(rows, rows - 1, ("fused",))
    return predictions_of([clip()], scores, INFO)[0]


def test_a_prediction_tells_label_confidence_margin_and_entropy() -> None:
    prediction = predicted(0.25, 0.75)
    assert (prediction.label, prediction.confidence) == ("b", 0.75)
    assert prediction.margin == 0.5
    expected_nats = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert prediction.entropy == pytest.approx(expected_nats)


def test_a_prediction_keeps_what_its_clip_and_recogniser_say() -> None:
    prediction = predicted(0.25, 0.75)
    assert prediction.scores == {"a": 0.25, "b": 0.75}
    assert prediction.cosines == {"a": -0.75, "b": -0.25}
    assert (prediction.start_ns, prediction.end_ns) == (3, 9)
    assert (prediction.model, prediction.prompt_set) == ("tiny", "ward@1")
    assert (prediction.modality, prediction.partial) == ("fused", True)
    assert prediction.missing_frames == 1


def test_a_certain_prediction_has_no_entropy() -> None:
    assert predicted(0.0, 1.0).entropy == 0.0


def test_a_single_label_leads_over_nothing() -> None:
    info = RecognizerInfo("tiny", "one@1", ("a",), {"a": "a"}, 8)
    scores = ClipScores(
        np.ones((1, 1), np.float32), np.ones((1, 1), np.float32), ("video",)
    )
    (prediction,) = predictions_of([clip()], scores, info)
    assert (prediction.margin, prediction.confidence) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("modality", "best", "fits"),
    [
        ("video", 0.31, True),
        ("video", 0.29, False),
        ("fused", 0.31, False),
        ("imu", -0.9, True),  # nobody fitted a floor for it
    ],
)
def test_a_clip_fits_from_the_floor_of_its_modality_on(
    modality: Modality, best: float, fits: bool
) -> None:
    info = replace(INFO, cosine_floors={"video": 0.3, "fused": 0.4})
    cosines = np.array([[-1.0, best]], np.float32)
    scores = ClipScores(np.full((1, 2), 0.5, np.float32), cosines, (modality,))
    (prediction,) = predictions_of([clip()], scores, info)
    assert prediction.fits is fits


def test_scores_must_match_the_clips() -> None:
    rows = np.full((1, 2), 0.5, np.float32)
    with pytest.raises(ValueError, match=r"zip\(\)"):
        predictions_of([clip(), clip()], ClipScores(rows, rows, ("video",)), INFO)


def test_nothing_is_asked_for_when_no_clip_is_due() -> None:
    recognizer = ColourRecognizer()
    assert asyncio.run(recognise(recognizer, [])) == []
    assert recognizer.classified_batches == []


def test_clips_of_several_subjects_go_in_one_request() -> None:
    recognizer = ColourRecognizer()
    predictions = asyncio.run(recognise(recognizer, [clip(end_ns=4), clip(end_ns=5)]))
    assert recognizer.classified_batches == [2]
    assert [prediction.end_ns for prediction in predictions] == [4, 5]
    assert predictions[0].label == "empty room"


def clip_of(row: str, *others: str) -> Clip:
    """A clip of one letter a frame, with those of the other people in the window."""
    features = np.array([COLOURS[COLOUR_LETTERS[letter]] for letter in row], np.float32)
    ends_ns = len(row) * STEP_NS
    beside = tuple(clip_of(other) for other in others)
    slots = tuple(range(len(row)))
    return Clip(
        "bed-4", 0, ends_ns, features, slots, None, None, 0, False, others=beside
    )


def recognised(*clips: Clip) -> tuple[list[str], ColourRecognizer]:
    recognizer = ColourRecognizer()
    predictions = asyncio.run(recognise(recognizer, clips))
    return [prediction.label for prediction in predictions], recognizer


@pytest.mark.parametrize(
    ("people", "label"),
    [
        (("ww", "ll"), "fallen"),
        (("ll", "ww"), "fallen"),
        (("ww", "ee"), "walking"),
        (("ee", "ww"), "empty room"),
        (("ww", "ff", "ll"), "falling"),
    ],
)
def test_the_person_in_most_urgent_need_decides_about_a_window(
    people: tuple[str, ...], label: str
) -> None:
    """Where nobody is in need, the person who leads."""
    assert recognised(clip_of(*people))[0] == [label]


def test_a_little_urgency_is_enough_for_an_event_to_go_on() -> None:
    """One of four frames shows somebody falling: 0.25, near the score of an onset."""
    labels, _ = recognised(clip_of("eeee", "wwfw"))
    assert labels == ["walking"]


def test_everybody_is_recognised_in_one_request() -> None:
    labels, recognizer = recognised(clip_of("ww", "ll", "ee"), clip_of("ee", "ww"))
    assert recognizer.classified_batches == [5]
    assert labels == ["fallen", "empty room"]


def test_the_samples_of_the_wearable_count_for_everybody() -> None:
    worn = np.zeros((20, 6), np.float32)
    clip = replace(clip_of("ww", "ll"), imu=worn, imu_rate_hz=50.0)
    (prediction,) = asyncio.run(recognise(ColourRecognizer(), [clip]))
    assert (prediction.label, prediction.modality) == ("fallen", "fused")


def person_frame(tick: int, person: int, level: int) -> Frame:
    return replace(grey_frame(tick, level), person=person)


def test_each_person_reuses_the_feature_of_their_own_picture() -> None:
    recognizer = ColourRecognizer()
    encoder = FrameEncoder(recognizer, ReuseSettings())

    def reuse(*frames: Frame) -> list[bool]:
        return [each.reused for each in asyncio.run(encoder.encode(frames))]

    assert reuse(person_frame(0, 1, 90), person_frame(0, 2, 30)) == [False, False]
    assert reuse(person_frame(1, 1, 90), person_frame(1, 2, 60)) == [True, False]
    assert reuse(person_frame(2, 2, 60), person_frame(2, 1, 90)) == [True, True]
    assert recognizer.encoded_batches == [2, 1]


def test_the_picture_of_a_person_who_has_left_is_forgotten() -> None:
    encoder = FrameEncoder(ColourRecognizer(), ReuseSettings())
    both = [person_frame(0, 1, 90), person_frame(0, 2, 30)]
    asyncio.run(encoder.encode(both))
    asyncio.run(encoder.encode([person_frame(1, 1, 90)]))
    (again,) = asyncio.run(encoder.encode([person_frame(2, 2, 30)]))
    assert not again.reused
