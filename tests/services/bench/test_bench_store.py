"""``wardwatch bench store``: what it measures, and on which databases."""

import json

import pytest
from sqlalchemy import URL
from typer.testing import CliRunner

from services.bench.empty_store import make_empty_store
from services.command_line import app
from services.errors import StoreError
from services.store.pages import Filters
from services.store.store import Store
from tests.services.store.rows import message


@pytest.mark.slow
def test_the_medians_are_those_of_a_filled_store(store_url: URL) -> None:
    database = store_url.render_as_string(hide_password=False)
    options = ["--events", "1000", "--json", "--database", database]
    answer = CliRunner().invoke(app, ["bench", "store", *options])
    assert answer.exit_code == 0, answer.output
    facts = json.loads(answer.stdout.splitlines()[-1])
    assert facts["events"] == 1000
    assert 0 < facts["alarms"] < 100
    medians = {name: ms for name, ms in facts.items() if name.endswith("_ms")}
    assert {"wall_board_ms", "history_page_ms", "store_event_ms"} <= medians.keys()
    assert min(medians.values()) > 0
    store = Store.joined(store_url)
    assert len(store.events.page(Filters(), 2000)) > 1000
    assert len(store.live.all()) == 32
    store.close()


def test_an_address_of_another_kind_is_a_mistake_of_the_option() -> None:
    options = ["--database", "mysql://kim:sEcReT9@h/ward"]
    answer = CliRunner().invoke(app, ["bench", "store", *options])
    assert answer.exit_code == 2
    assert "--database" in answer.output
    assert "sEcReT9" not in answer.output


def test_a_store_with_rows_in_it_is_refused(store_url: URL) -> None:
    make_empty_store(store_url).close()
    store = Store.migrated(store_url)
    store.take([message("a")], {}, 1)
    store.close()
    with pytest.raises(StoreError, match="is not empty; a benchmark needs"):
        make_empty_store(store_url)
