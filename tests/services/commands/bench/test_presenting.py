"""A benchmark is printed as a table or as JSON, and written to files in both forms."""

import json
from pathlib import Path

import pytest

from services.commands.bench.presenting import present

FACTS = {"ratio": 2.5}


def test_a_table_is_printed_and_written_beside_its_facts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    present("cost", [("ratio", "2.5")], FACTS, "drift", tmp_path, as_json=False)
    assert "2.5" in capsys.readouterr().out
    assert (tmp_path / "drift.md").read_text() == (
        "| cost |  |\n| --- | --- |\n| ratio | 2.5 |\n"
    )
    assert json.loads((tmp_path / "drift.json").read_text()) == FACTS


def test_json_is_one_line_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    present(("a", "b"), [("1", "2")], FACTS, "drift", None, as_json=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == FACTS
    assert not list(tmp_path.iterdir())
