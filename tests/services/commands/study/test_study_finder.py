"""``wardwatch study finder``, on what a finder saw before."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.lab.poses.pose_lives import PoseRun, join_runs
from pipelines.lab.simulation.footage import SIMULATOR_VERSION
from pipelines.lab.studies.finder.study import plan_lives
from pipelines.lab.studies.finder.truth import true_life
from services.command_line import app, run


def keep_faultless_finder(folder: Path, minutes: int) -> None:
    """Keep the joints where they truly are as what the finder saw of these lives."""
    runs = []
    for plan in plan_lives(minutes, 5):
        life = true_life(plan)
        found = np.isfinite(life.places).all(axis=(1, 2))
        places = np.where(found[:, None, None], life.places, 0)
        seen = np.ones((*places.shape[:2], 1), np.float32)
        joints = np.concatenate((places, seen), axis=-1).astype(np.float16)
        sizes = np.ones(len(found), np.float32)
        runs.append(PoseRun(joints, found, sizes, life.labels))
    name = f"poses-validation-5-{minutes}-rendered-v{SIMULATOR_VERSION}.npz"
    join_runs(runs).save(folder / name)


@pytest.mark.slow
def test_a_faultless_finder_is_compared_with_drawn_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_faultless_finder(tmp_path, 2)
    given = ["study", "finder", "--minutes", "2", "--seed", "5", "--out", str(tmp_path)]
    assert run(app, given) == 0
    text = capsys.readouterr().out
    for words in ("nobody found", "as drawn", "lying", "finder.png"):
        assert words in text

    assert run(app, [*given, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert json.loads((tmp_path / "finder.json").read_text()) == facts
    total = facts["groups"]["all"]
    assert total["lost"]["pictures"]["value"] == 0.0
    assert total["error_p95"]["pictures"]["value"] < 0.005
    assert total["error_p50"]["drawn"]["value"] > 0.02
    assert (tmp_path / "finder.png").exists()
