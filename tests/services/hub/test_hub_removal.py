"""A subject that SIGHUP removes, while the store fails or its watcher still reports."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, text

from services.demo.broker import Broker
from services.errors import StoreError
from services.hub.hub import Hub
from services.store.tables import outbox
from tests.services.hub.test_hub import report, running, site_of
from tests.services.store.rows import event


def retained(hub: Hub) -> dict[str, bool]:
    """Return the retained topics of bed-4, each with whether its message is deleted."""
    rows = hub._store.database.rows(select(outbox).order_by(outbox.c.number))
    return {
        row.topic.rpartition("/")[2]: not row.payload
        for row in rows
        if row.retain and "/bed-4/" in row.topic
    }


def test_a_removal_that_could_not_be_stored_is_made_up_for_by_the_next_sighup(
    tmp_path: Path,
) -> None:
    full = "BEGIN SELECT RAISE(ABORT, 'disk is full'); END"

    async def scene(broker: Broker) -> None:
        async with running(site_of(broker, tmp_path)) as hub:
            database = hub._store.database
            await hub.accept(report(event()))
            database.execute(text(f"CREATE TRIGGER f BEFORE UPDATE ON alarms {full}"))
            with pytest.raises(StoreError, match="disk is full"):
                await hub.expect({})
            database.execute(text("DROP TRIGGER f"))
            await hub.expect({})
            assert hub._store.alarms.open() == []
            assert retained(hub) == {"status": True, "alarm": True}

    with Broker() as broker:
        asyncio.run(scene(broker))


def test_a_late_report_of_a_removed_subject_leaves_its_event_and_nothing_open(
    tmp_path: Path,
) -> None:
    """One report comes while the subject is removed, and one after it."""

    async def scene(broker: Broker) -> None:
        async with running(site_of(broker, tmp_path)) as hub:
            await asyncio.gather(hub.accept(report(event())), hub.expect({}))
            await hub.accept(report(event(event_id="e2"), sent_ns=2))
            found = await hub.open_events(["bed-4"])
            assert [each.event_id for each in found] == ["e1", "e2"]
            assert hub._store.alarms.open() == []
            assert retained(hub) == {"status": True, "alarm": True}

    with Broker() as broker:
        asyncio.run(scene(broker))
