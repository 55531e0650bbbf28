import io
import json
import shutil
from contextlib import redirect_stdout
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.bundled import NO_ADAPTATION
from models.prompts.prompt_file import bundled_prompt_set
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from services.command_line import app, run

HEADER = "---\nlicense: apache-2.0\n---\n"

PROMPTS = """\
version: 1
name: mine
templates: ["{}"]
labels:
"""


def show(*arguments: str | Path) -> int:
    return run(app, ["model", "show", *map(str, arguments)])


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint that may be given a card."""
    return Path(shutil.copytree(checkpoint, tmp_path / "carded-clip"))


def write_prompts(path: Path, *labels: str) -> Path:
    lines = [f"  {label}: {{texts: [{label}], priority: high}}" for label in labels]
    path.write_text("\n".join([PROMPTS.rstrip(), *lines]) + "\n")
    return path


def test_json_is_one_object_with_facts_and_labels(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(checkpoint, "--json") == 0

    facts = json.loads(capsys.readouterr().out)
    assert (facts["model"], facts["image_size_px"], facts["dim"]) == (
        "tiny-clip",
        32,
        12,
    )
    assert facts["prompt_set"] == bundled_prompt_set().id
    assert [row["label"] for row in facts["labels"]] == list(
        bundled_prompt_set().labels
    )


def test_the_nearest_of_two_labels_is_the_other(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = write_prompts(tmp_path / "two.yaml", "reading", "writing")

    assert show(checkpoint, "--prompts", prompts, "--json") == 0

    first, second = json.loads(capsys.readouterr().out)["labels"]
    assert (first["label"], first["nearest"]) == ("reading", "writing")
    assert (second["label"], second["nearest"]) == ("writing", "reading")
    assert first["cosine"] == second["cosine"]
    assert (first["event"], first["priority"]) == ("reading", "high")


def test_a_person_sees_the_card_without_its_header(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "README.md").write_text(HEADER + "Knows nothing.\n")

    assert show(folder) == 0

    text = capsys.readouterr().out
    assert "carded-clip" in text
    assert "fallen" in text
    assert "Knows nothing." in text
    assert "license" not in text


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (b"---\nno end of it", "no end of it"),
        (b"---\n---\nan empty header", "an empty header"),
        (b"caf\xe9 in Latin 1", "in Latin 1"),
        (b"", "logit_scale"),
    ],
)
def test_a_card_of_any_form_is_shown(
    folder: Path, card: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "README.md").write_bytes(card)
    assert show(folder) == 0
    assert words in capsys.readouterr().out


def test_a_missing_checkpoint_is_one_line_and_exit_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(tmp_path / "none") == 2
    assert capsys.readouterr().err == f"wardwatch: {tmp_path}/none: no such folder\n"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    rows = ["file,label,source,t_start_s,t_end_s,notes"]
    for number, label in enumerate(("walking", "sitting")):
        rng = np.random.default_rng(number)
        with VideoFileWriter(folder / f"{label}.mp4", 64, 48, Fraction(12)) as writer:
            for _ in range(48):
                writer.write(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
        rows.append(f"{label}.mp4,{label},noise,0,4,")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.slow
@pytest.mark.gst
def test_a_calibration_is_fitted_kept_beside_the_checkpoint_and_used(
    folder: Path, footage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_recognizer(folder).calibrations == {}
    arguments = ["model", "calibrate", footage, "--model", folder, "--out", tmp_path]
    assert run(app, [*map(str, arguments), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["measured_clips"] > 0
    fitted = build_recognizer(folder).calibrations["video"]
    assert fitted.temperature == pytest.approx(facts["temperature"])
    assert (tmp_path / "reliability.png").exists()
    assert show(folder) == 0
    assert "video temperature" in capsys.readouterr().out
    other = write_prompts(tmp_path / "other.yaml", "reading", "writing")
    assert build_recognizer(folder, other).calibrations == {}


@pytest.mark.slow
@pytest.mark.gst
def test_a_calibration_is_of_the_view_that_it_was_fitted_with(
    folder: Path, footage: Path
) -> None:
    arguments = ["model", "calibrate", footage, "--model", folder, "--view", "person"]
    assert run(app, [*map(str, arguments)]) == 0
    assert build_recognizer(folder, view="person").calibrations.keys() == {"video"}
    assert build_recognizer(folder).calibrations == {}


def test_a_damaged_calibration_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "calibration.json").write_text("{")
    assert show(folder) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "calibration.json" in error


@pytest.fixture(scope="module")
def quantized(
    checkpoint: Path, footage: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A checkpoint with its tower in eight bits, and what the command printed."""
    folder = tmp_path_factory.mktemp("quantized") / "tiny-clip"
    shutil.copytree(checkpoint, folder)
    command = ["model", "quantize", str(folder), "--footage", str(footage)]
    with redirect_stdout(io.StringIO()) as printed:
        assert run(app, [*command, "--pictures", "8"]) == 0
    return folder, printed.getvalue()


@pytest.mark.slow
@pytest.mark.gst
def test_quantize_prints_its_costs(quantized: tuple[Path, str]) -> None:
    folder, printed = quantized
    facts = json.loads(next(folder.glob("int8-*.json")).read_text())
    figures = {
        line.rsplit(maxsplit=1)[0].strip(): line.split()[-1]
        for line in printed.splitlines()
        if not line.startswith(("written", "It"))
    }
    assert figures["pictures calibrated on"] == "8"
    assert figures["other pictures, measured on"] == "8"
    assert figures["same best label as in float32"] == f"{facts['agreement']:.4f}"
    assert figures["cosine with float32, mean"] == f"{facts['mean_cosine']:.5f}"
    assert figures["cosine with float32, least"] == f"{facts['least_cosine']:.5f}"
    assert sum(line.startswith("written: ") for line in printed.splitlines()) == 3


@pytest.mark.slow
@pytest.mark.gst
def test_a_tower_in_eight_bits_has_a_calibration_of_its_own(
    quantized: tuple[Path, str],
) -> None:
    folder, _ = quantized
    exact, rounded = (
        build_recognizer(folder, adaptation=NO_ADAPTATION, backend=backend)
        for backend in ("torch", "openvino-int8")
    )
    assert rounded.clip.tower.backend == "openvino-int8"
    assert rounded.weights.startswith(f"{exact.weights}/int8-")
    assert rounded.identity != exact.identity


def test_quantize_needs_videos(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["model", "quantize", str(checkpoint), "--footage", str(tmp_path)]
    assert run(app, command) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"wardwatch: {tmp_path}: holds no video (")
    assert error.count("\n") == 1
