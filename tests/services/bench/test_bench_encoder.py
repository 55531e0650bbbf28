import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.build import build_recognizer
from models.bundled import NO_ADAPTATION
from models.clip.new_checkpoint import save_checkpoint, small_clip, small_tokenizer
from pipelines.clock import SystemClock
from services.bench.encoder import EncoderCost, EncoderPlan, measure_encoder
from services.bench.scenes import SceneKind, make_frames
from services.command_line import app, run
from tests.tiny_checkpoint import save_tiny_checkpoint

PLAN = EncoderPlan(rounds=3, windows=2, ticks=14, cameras=3)


def show(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_checkpoint(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="module")
def cost(tmp_path_factory: pytest.TempPathFactory) -> EncoderCost:
    folder = tmp_path_factory.mktemp("encoder") / "larger"
    # With fewer pixels in a cell, noise alone is a change.
    model = small_clip(
        seed=0, image_size_px=96, vision_width=24, vision_layers=2, vision_heads=2
    )
    save_checkpoint(model, small_tokenizer(), folder, dtype=torch.float32)
    built = build_recognizer(folder, adaptation=NO_ADAPTATION, backend="openvino")
    return measure_encoder(built, "tiny", PLAN, SystemClock(), show)


@pytest.mark.slow
def test_answers_are_those_of_the_reference_where_nothing_is_reused(
    cost: EncoderCost,
) -> None:
    for rows in cost.rows.values():
        assert rows["reference"].mean_cosine == pytest.approx(1, abs=1e-6)
        assert rows["without reuse"].mean_cosine == pytest.approx(1, abs=1e-5)
    assert cost.rows["moving"]["ours"].mean_cosine == pytest.approx(1, abs=1e-5)
    assert cost.rows["moving"]["ours"].top1 == 1


@pytest.mark.slow
def test_a_quiet_room_reuses_pictures_and_keeps_the_answer(cost: EncoderCost) -> None:
    quiet = cost.rows["quiet"]["ours"]
    assert 0.999 < quiet.mean_cosine < 1 - 1e-7  # an earlier picture, with other noise
    assert quiet.top1 == 1


@pytest.mark.slow
def test_the_ratio_is_that_of_windows_per_second(cost: EncoderCost) -> None:
    for kind, rows in cost.rows.items():
        ratio = rows["ours"].windows_per_s / rows["reference"].windows_per_s
        assert cost.ratio[kind] == pytest.approx(ratio, rel=0.7)
        assert rows["ours"].cameras == int(rows["ours"].windows_per_s)
        assert rows["ours"].p50_ms <= rows["ours"].p95_ms


def test_pictures_move_or_do_not() -> None:
    bounds: dict[SceneKind, tuple[int, int]] = {"moving": (5, 255), "quiet": (0, 3)}
    for kind, (least, most) in bounds.items():
        first, second = make_frames(kind, 2, 2, 64, "picture")
        assert [each.subject_id for each in first] == ["camera-0", "camera-1"]
        assert second[0].tick == 1
        change = np.abs(
            first[0].pixels.astype(int) - second[0].pixels.astype(int)
        ).max()
        assert least < change <= most
        assert (first[0].pixels != first[1].pixels).any()


def test_a_quiet_persons_pose_is_drawn_without_noise() -> None:
    first, second = make_frames("quiet", 1, 2, 32, "pose")
    np.testing.assert_array_equal(first[0].pixels, second[0].pixels)


@pytest.mark.slow
def test_ratio_and_agreement_are_written_by_model(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["bench", "encoder", "--quick", "--json", "--backend", "torch"]
    assert run(app, [*command, "--model", str(folder), "--out", str(out)]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert json.loads((out / "encoder-cost.json").read_text()) == facts
    assert set(facts["ratio"]["tiny"]) == {"moving", "quiet"}
    assert facts["agreement"]["tiny"]["moving"]["top1"] == 1
    assert facts["models"]["tiny"]["backend"] == "torch"
    rows = facts["models"]["tiny"]["rows"]["quiet"]
    assert list(rows) == ["reference", "without reuse", "ours"]
    table = (out / "encoder-cost.md").read_text().splitlines()
    assert len(table) == 8
    assert {line.count("|") for line in table} == {11}
