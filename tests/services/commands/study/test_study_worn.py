"""``wardwatch study worn``, as it is run."""

import json

import pytest
from typer.testing import CliRunner

from services.command_line import app

FEW = ["study", "worn", "--cases", "6", "--nights", "2", "--hours", "0.3"]


@pytest.mark.slow
def test_good_devices_are_found_and_sleepers_are_not() -> None:
    answer = CliRunner().invoke(app, [*FEW, "--json"])
    assert answer.exit_code == 0, answer.output
    reports = json.loads(answer.stdout)
    assert list(reports) == ["good", "any"]
    assert reports["good"]["found"] >= 5
    assert reports["any"]["found"] <= reports["good"]["found"]
    assert [each["false_nights"] for each in reports.values()] == [0, 0]
    assert [each["nights"] for each in reports.values()] == [2, 2]
