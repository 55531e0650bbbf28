import json
from pathlib import Path

import pytest

from services.command_line import app, run
from services.demo.camera_videos import write_moving_videos
from tests.tiny_checkpoint import save_tiny_checkpoint


@pytest.mark.slow
@pytest.mark.gst
def test_the_stages_of_a_camera_are_measured_written_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (video,) = write_moving_videos(tmp_path, 1, 5.0, seed=1)
    tiny, out = save_tiny_checkpoint(tmp_path / "tiny"), tmp_path / "out"
    command = ["bench", "profile", str(video), "--model", str(tiny), "--json"]
    assert run(app, [*command, "--out", str(out)]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert json.loads((out / "camera-profile.json").read_text()) == facts
    spent = facts["ms_per_picture"]
    assert facts["pictures"] == pytest.approx(5 * facts["pictures_per_s"], abs=2)
    for stage in ("decoding", "encoding", "classification", "drift", "events"):
        assert spent[stage] > 0, stage
    assert spent["detector: network"] == 0  # a tiny checkpoint looks at whole pictures
    total_ms = sum(spent.values()) * facts["pictures_per_s"]
    assert facts["cores"] == pytest.approx(total_ms / 1e3, rel=0.01)
