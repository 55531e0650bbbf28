"""``wardwatch bench crash``: what it counts, and that the hub passes it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import URL
from typer.testing import CliRunner

from services.bench.crash.measure import CrashOutcome
from services.bench.crash.steps import RANDOM, STEPS
from services.command_line import app
from services.store.store import Store
from tests.postgres_server import PASSWORD
from tests.services.store.rows import message

WRONG = ["lost", "duplicates", "out_of_order"]


def crash(url: URL, *options: str) -> tuple[int, str]:
    database = "--database", url.render_as_string(hide_password=False)
    answer = CliRunner().invoke(app, ["bench", "crash", *options, *database])
    return answer.exit_code, answer.output


@pytest.mark.slow
def test_a_hub_that_is_killed_loses_and_invents_nothing(store_url: URL) -> None:
    code, output = crash(store_url, "--kills", "4", "--json")
    assert code == 0, output
    facts = json.loads(output.splitlines()[-1])
    assert list(facts)[:5] == ["kills", "events", *WRONG]
    assert facts["kills"] == 4
    assert facts["events"] > 4
    assert [facts[name] for name in WRONG] == [0, 0, 0]
    assert facts["longest_outage_s"] >= 0
    assert list(facts["steps"]) == [RANDOM, *STEPS]
    assert sum(facts["steps"].values()) == 4


@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_is_lost_doubled_or_out_of_order_fails_it(wrong: str) -> None:
    good = CrashOutcome(kills=9, events=99, lost=0, duplicates=0, out_of_order=0)
    assert good.holds
    change: dict[str, Any] = {wrong: 1}
    assert not replace(good, **change).holds


def test_a_database_with_rows_in_it_is_left_alone(store_url: URL) -> None:
    store = Store.migrated(store_url)
    store.take([message("a")], {}, 1)
    code, output = crash(store_url, "--kills", "1")
    assert code != 0
    assert PASSWORD not in output
    assert [it.message.key for it in store.outbox.waiting(9)] == ["a"]
    store.close()
