"""What a wearable's estimator has learnt survives a restart, and nothing else does."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from pipelines.clock import NS_PER_S
from pipelines.sources.wearable.upright import LearntUp, UprightEstimator
from pipelines.sources.wearable.upright_file import UprightKeeper


def walk(estimator: UprightEstimator, seconds: int = 60) -> None:
    """Walk with the sensor's y axis up."""
    times_ns = np.arange(seconds * 50) * (NS_PER_S // 50)
    moving = 2 * np.random.default_rng(1).normal(size=len(times_ns))
    accel = np.zeros((len(times_ns), 3))
    accel[:, 1] = 9.8 + moving
    estimator.add(times_ns, accel)


def test_a_new_process_goes_on_with_what_was_learnt(tmp_path: Path) -> None:
    path = tmp_path / "bed-4.json"
    first = UprightKeeper(path, "mqtt://broker/waist-7")
    walk(first.estimator)
    first.keep()
    second = UprightKeeper(path, "mqtt://broker/waist-7")
    assert second.estimator.is_learnt
    np.testing.assert_allclose(second.estimator.up, [0, 1, 0], atol=1e-6)
    assert [each.name for each in tmp_path.iterdir()] == ["bed-4.json"]


def test_another_device_is_learnt_anew(tmp_path: Path) -> None:
    path = tmp_path / "bed-4.json"
    first = UprightKeeper(path, "mqtt://broker/waist-7")
    walk(first.estimator)
    first.keep()
    assert UprightKeeper(path, "mqtt://broker/wrist-1").estimator.learnt == LearntUp()


def test_without_a_file_nothing_is_kept() -> None:
    keeper = UprightKeeper(None, "mqtt://broker/waist-7")
    walk(keeper.estimator)
    keeper.keep()
    assert UprightKeeper(None, "mqtt://broker/waist-7").estimator.learnt == LearntUp()


def test_that_it_is_learnt_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "bed-4.json"
    keeper = UprightKeeper(path, "mqtt://broker/waist-7")
    keeper.keep()
    assert not caplog.messages
    walk(keeper.estimator)
    keeper.keep()
    keeper.keep()
    UprightKeeper(path, "mqtt://broker/waist-7").keep()
    assert caplog.messages == ["mqtt://broker/waist-7: wearable: orientation learnt"]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"device": "x"}',
        '{"device": "x", "learnt": {"x": "a"}}',
        '{"device": "x", "learnt": {"x": 0, "y": NaN, "z": 1, "weight": 1}}',
        '{"device": "x", "learnt": {"x": 0, "y": 0, "z": 1, "weight": -1}}',
        '{"device": "x", "learnt": {"q": 0}}',
    ],
)
def test_a_damaged_file_is_one_line_and_learnt_anew(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "bed-4.json"
    path.write_text(content)
    keeper = UprightKeeper(path, "x")
    assert keeper.estimator.learnt == LearntUp()
    (line,) = caplog.messages
    assert line.startswith(f"{path}: damaged (")
    assert line.endswith("the orientation is learnt again")
    walk(keeper.estimator)
    keeper.keep()
    assert json.loads(path.read_text())["learnt"]["weight"] > 1


def test_a_full_disk_is_one_line_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "missing"
    keeper = UprightKeeper(folder / "bed-4.json", "x")
    walk(keeper.estimator)
    keeper.keep()
    (line,) = caplog.messages
    assert line.endswith("No such file or directory; the orientation is not saved")
    folder.mkdir()
    keeper.keep()
    assert (folder / "bed-4.json").exists()
