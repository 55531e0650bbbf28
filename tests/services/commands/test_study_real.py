"""``wardwatch study real`` on footage of two sources; what people do is not judged."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.clip.card import Card, write_card
from models.prompts.prompt_file import bundled_prompt_set
from pipelines.lab.data.footage import LabelledSpan, write_labels
from pipelines.lab.studies.real import FALL_FIGURES
from pipelines.lab.training.vector_net import VectorNet, save_net
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from services.command_line import app, run
from tests.tiny_checkpoint import save_tiny_checkpoint

pytestmark = pytest.mark.gst


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    rows = []
    for file, source in (("a.mp4", "one"), ("b.mp4", "other")):
        with VideoFileWriter(folder / file, 64, 48, Fraction(8)) as writer:
            for shade in range(40):
                writer.write(np.full((48, 64, 3), 5 * shade, np.uint8))
        rows.append(LabelledSpan(file, "fall", source, 1.0, 2.0))
    write_labels(folder / "labels.csv", rows)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint that looks at poses."""
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny-pose")
    write_card(folder, Card("pose", 0.7))
    return folder


def study(*arguments: str | Path) -> int:
    return run(app, ["study", "real", *map(str, arguments)])


@pytest.mark.slow
def test_json_has_the_figures_of_model_and_rule_by_source(
    footage: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(footage, "--model", checkpoint, "--json") == 0

    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["falls"] == 2
    for method in ("sources", "rule"):
        assert set(facts[method]) == {"all", "one", "other"}
        for figures in facts[method].values():
            assert set(figures) == set(FALL_FIGURES)
    rule = facts["rule"]["all"]
    assert rule["recall"] == {
        "value": 0.0,
        "interval": rule["recall"]["interval"],
        "counts": {"found": 0, "falls": 2},
    }
    an_hour, a_day = (
        rule[f"false_falls_per_{unit}"]["interval"] for unit in ("hour", "camera_day")
    )
    assert a_day == pytest.approx([24 * bound for bound in an_hour])


@pytest.mark.slow
def test_a_vector_net_has_figures_of_its_own(
    footage: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prompt_set, file = bundled_prompt_set(), tmp_path / "net.safetensors"
    save_net(VectorNet(prompt_set.events, prompt_set.outcomes), file)
    given = footage, "--model", checkpoint, "--yardstick", file
    assert study(*given, "--json") == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(facts["net"]) == {"all", "one", "other"}
    assert set(facts["net"]["all"]) == set(FALL_FIGURES)


@pytest.mark.slow
def test_a_person_sees_a_table_for_each_source_and_the_files_are_written(
    footage: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert study(footage, "--model", checkpoint, "--out", tmp_path / "out") == 0

    text = capsys.readouterr().out
    for word in ("all", "one", "other", "Model", "Rule", "fallen recall"):
        assert word in text
    assert json.loads((tmp_path / "out" / "real.json").read_text())["falls"] == 2
    assert (tmp_path / "out" / "events.md").exists()


def test_a_folder_without_labels_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(tmp_path) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "labels.csv") in error


@pytest.mark.parametrize(
    "command",
    [
        ("study", "drift", "--quick"),
        ("study", "zero-shot", "--quick"),
        ("bench", "drift"),
    ],
)
def test_work_on_whole_pictures_refuses_a_checkpoint_of_poses(
    command: tuple[str, ...],
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(app, [*command, "--model", str(checkpoint)]) == 2
    (*_, error) = capsys.readouterr().err.splitlines()
    assert error.endswith("looks at a pose; choose one that looks at pictures")
