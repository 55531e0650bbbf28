import json
from pathlib import Path

import pytest

from models.build import build_recognizer
from pipelines.clock import SystemClock
from services.bench.drift import measure_drift
from services.command_line import app, run
from tests.tiny_checkpoint import save_tiny_checkpoint


@pytest.mark.slow
def test_the_cost_of_drift_is_measured(tmp_path: Path) -> None:
    recognizer = build_recognizer(save_tiny_checkpoint(tmp_path / "tiny"))
    days: list[int] = []

    def note(stage: str, done: int, total: int, text: str) -> None:
        if stage == "days":
            days.append(done)

    cost = measure_drift(recognizer, SystemClock(), days=2, on_progress=note)
    assert days == [1, 2]
    assert cost.ms_per_clip > 0
    assert cost.share_of_encoding > 0
    assert 0 < cost.kib_per_subject < 1024


@pytest.mark.slow
def test_what_is_measured_is_written_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny, out = save_tiny_checkpoint(tmp_path / "tiny"), tmp_path / "out"
    command = ["bench", "drift", "--days", "1", "--json", "--model", str(tiny)]
    assert run(app, [*command, "--out", str(out)]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert json.loads((out / "drift-cost.json").read_text()) == facts
    assert set(facts) == {"ms_per_clip", "share_of_encoding", "kib_per_subject"}
    assert (out / "drift-cost.md").read_text().count("\n") == 5
