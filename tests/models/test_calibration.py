import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from models.calibration import (
    Calibration,
    fit_calibration,
    measure_reliability,
    read_calibrations,
    write_calibration,
)
from models.errors import CalibrationError

FITTED = Calibration(temperature=1.7, cosine_floor=0.2, clips=40)


def labelled_clips(
    temperature: float, seed: int, clips: int = 20_000
) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are too sure by a factor, and labels drawn from the true shares."""
    rng = np.random.default_rng(seed)
    true_logits = rng.normal(0, 2, (clips, 4))
    shares = softmax(true_logits, axis=1)
    labels = (shares.cumsum(axis=1) < rng.random((clips, 1))).sum(axis=1)
    return temperature * true_logits, labels.clip(max=3)


def log_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    likelihoods = log_softmax(logits, axis=1)
    return -float(likelihoods[np.arange(len(labels)), labels].mean())


@settings(max_examples=8, deadline=None)
@given(temperature=st.floats(0.3, 5.0), seed=st.integers(0, 99))
def test_the_temperature_undoes_what_made_it_too_sure(
    temperature: float, seed: int
) -> None:
    logits, labels = labelled_clips(temperature, seed)
    fitted = fit_calibration(logits, logits / 100, labels)
    assert fitted.temperature == pytest.approx(temperature, rel=0.06)
    assert fitted.clips == len(labels)
    warm = measure_reliability(softmax(logits / fitted.temperature, axis=1), labels)
    assert warm.ece < 0.02


@settings(max_examples=20, deadline=None)
@given(
    temperature=st.floats(0.3, 5.0), seed=st.integers(0, 99), clips=st.integers(20, 500)
)
@example(temperature=1.0, seed=1, clips=20_000)
def test_no_other_temperature_has_a_smaller_log_loss(
    temperature: float, seed: int, clips: int
) -> None:
    logits, labels = labelled_clips(temperature, seed, clips)
    best = fit_calibration(logits, logits / 100, labels).temperature
    least = log_loss(logits / best, labels)
    for other in (1.0, 0.99 * best, 1.01 * best):
        # The minimiser stops 1e-5 from the least loss, which is flat there.
        assert least <= log_loss(logits / other, labels) + 1e-9


# The fit does not minimise the Brier score. Near the right temperature it may rise.
@settings(max_examples=8, deadline=None)
@given(temperature=st.floats(0.3, 0.8) | st.floats(1.25, 5.0), seed=st.integers(0, 99))
def test_the_brier_score_falls_where_the_temperature_was_clearly_wrong(
    temperature: float, seed: int
) -> None:
    logits, labels = labelled_clips(temperature, seed)
    fitted = fit_calibration(logits, logits / 100, labels)
    cold = measure_reliability(softmax(logits, axis=1), labels)
    warm = measure_reliability(softmax(logits / fitted.temperature, axis=1), labels)
    assert warm.brier < cold.brier


def test_one_clip_in_a_hundred_lies_below_the_floor() -> None:
    cosines = np.linspace(0, 1, 1000)[:, None].repeat(2, axis=1)
    fitted = fit_calibration(cosines, cosines, np.zeros(1000, int))
    assert (cosines.max(axis=1) < fitted.cosine_floor).mean() == pytest.approx(0.01)


def test_reliability_compares_sureness_with_being_right() -> None:
    # two bins: four clips at 0.8, three of them right; one at 0.6, wrong
    sure, unsure = [0.8, 0.2], [0.6, 0.4]
    found = measure_reliability(
        np.array([sure, sure, sure, sure, unsure]), np.array([0, 0, 0, 1, 1])
    )
    low, high = found.bins
    assert (low.clips, low.accuracy) == (1, 0.0)
    assert low.confidence == pytest.approx(0.6)
    assert (high.clips, high.accuracy) == (4, 0.75)
    assert found.ece == pytest.approx((1 * 0.6 + 4 * 0.05) / 5)
    squares = 3 * (2 * 0.2**2) + 2 * 0.8**2 + 2 * 0.6**2
    assert found.brier == pytest.approx(squares / 5)


def test_certainty_belongs_to_the_last_bin() -> None:
    found = measure_reliability(np.array([[1.0, 0.0]]), np.array([0]))
    assert found.ece == 0
    assert [each.clips for each in found.bins] == [1]


def test_nothing_can_be_fitted_or_measured_on_nothing() -> None:
    nothing, none = np.zeros((0, 3)), np.zeros(0, int)
    with pytest.raises(ValueError, match=r"^no labelled clip to fit on$"):
        fit_calibration(nothing, nothing, none)
    with pytest.raises(ValueError, match=r"^no labelled clip to measure on$"):
        measure_reliability(nothing, none)


def test_what_was_written_is_read_for_its_checkpoint_and_prompts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "calibration.json"
    assert read_calibrations(path, "aaaa", "ward@1") == {}
    write_calibration(path, "aaaa", "ward@1", "video", FITTED)
    other = replace(FITTED, temperature=0.5)
    write_calibration(path, "bbbb", "ward@1", "video", other)
    assert read_calibrations(path, "aaaa", "ward@1") == {"video": FITTED}
    assert read_calibrations(path, "bbbb", "ward@1") == {"video": other}
    assert read_calibrations(path, "aaaa", "ward@2") == {}
    assert [each.name for each in tmp_path.iterdir()] == ["calibration.json"]


def test_each_modality_has_its_own(tmp_path: Path) -> None:
    path, other = tmp_path / "calibration.json", replace(FITTED, temperature=0.5)
    write_calibration(path, "aaaa", "ward@1", "video", other)
    write_calibration(path, "aaaa", "ward@1", "fused", other)
    write_calibration(path, "aaaa", "ward@1", "video", FITTED)
    found = read_calibrations(path, "aaaa", "ward@1")
    assert found == {"video": FITTED, "fused": other}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot be read: "),
        ("[]", "expected an object with version 2 and entries"),
        ('{"version": 1, "entries": {}}', "expected an object with version 2"),
        ('{"version": 2, "entries": []}', "expected an object with version 2"),
        ('{"version": 2, "entries": {"aaaa ward@1": []}}', "expected an entry"),
        ('{"version": 2, "entries": {"aaaa ward@1": {"smell": {}}}}', "expected an e"),
    ],
)
def test_a_damaged_file_is_named_in_one_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(CalibrationError) as caught:
        read_calibrations(path, "aaaa", "ward@1")
    assert str(caught.value).startswith(f"{path}: {problem}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"temperature": "warm"},
        {"cosine_floor": 1.5},
        {"clips": 0},
        {"mood": 1},
    ],
)
def test_a_damaged_entry_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "calibration.json"
    write_calibration(path, "aaaa", "ward@1", "video", FITTED)
    content = json.loads(path.read_text())
    content["entries"]["aaaa ward@1"]["video"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match=r"calibration\.json: \S"):
        read_calibrations(path, "aaaa", "ward@1")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "calibration.json"
    with pytest.raises(CalibrationError, match=r"calibration\.json: No such file"):
        write_calibration(path, "aaaa", "ward@1", "video", FITTED)
