"""``wardwatch bench crash``: what it counts, and that the hub passes it."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from services.bench.crash import CrashOutcome
from services.command_line import app

KEYS = ["kills", "events", "lost", "duplicates", "out_of_order", "repeated", "answers"]


@pytest.mark.slow
def test_a_hub_that_is_killed_loses_and_invents_nothing() -> None:
    answer = CliRunner().invoke(app, ["bench", "crash", "--kills", "6", "--json"])
    assert answer.exit_code == 0, answer.output
    facts = json.loads(answer.stdout.splitlines()[-1])
    assert list(facts) == KEYS
    assert facts["kills"] == 6
    assert facts["events"] > 6
    assert [facts[name] for name in KEYS[2:5]] == [0, 0, 0]


@pytest.mark.parametrize("wrong", KEYS[2:5])
def test_whatever_is_lost_doubled_or_out_of_order_fails_it(wrong: str) -> None:
    good = CrashOutcome(9, 99, 0, 0, 0, 4, 5)
    assert good.holds
    assert not replace(good, **{wrong: 1}).holds
