"""A restarted hub sends no alarm to the targets of the start if they were changed."""

import asyncio
from pathlib import Path

import pytest

from services.demo.broker import Broker
from services.hub.alarms.targets import PresentTargets
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store
from tests.fakes import FakeClock
from tests.services.hub.alarms.test_notices import site_of, titles_of, until
from tests.services.hub.test_hub import report, running
from tests.services.store.rows import event
from tests.web_receiver import Receiver, receiver


def site(*names: str) -> Site:
    phones = [{"name": name, "url": "json://127.0.0.1/a"} for name in names]
    return Site.model_validate({"site": "ward-3", "notify": phones})


def test_changed_targets_are_waited_for_but_not_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        store, clock = Store.migrated(sqlite_url(tmp_path)), FakeClock()
        first = PresentTargets(site("nurse"), store.notes, clock)
        await first.wait()  # nothing was changed
        await first.note(site("nurse", "doctor"))
        again = PresentTargets(site("nurse"), store.notes, clock)
        waiting = asyncio.create_task(again.wait())
        await clock.wait_for_sleepers()
        clock.advance_s(9.9)
        await asyncio.sleep(0)
        assert not waiting.done()
        clock.advance_s(0.1)
        await waiting
        await again.note(site("nurse"))  # as at the start
        await PresentTargets(site("nurse"), store.notes, clock).wait()
        store.close()

    asyncio.run(scene())
    assert caplog.text.count("alarms go to the targets that the service was") == 1


def test_a_restarted_hub_sends_an_alarm_to_the_present_phone_alone(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker, old: Receiver, new: Receiver) -> None:
        before, after = (
            site_of(
                broker,
                tmp_path,
                {"name": name, "url": f"json://127.0.0.1:{phone.port}/a"},
            )
            for name, phone in (("nurse", old), ("doctor", new))
        )
        async with running(before) as hub:
            await hub.deliver_to(after)
        async with running(before) as hub:  # as Ray restarts it
            fallen = asyncio.create_task(hub.accept(report(event())))
            await hub.state()
            await hub.deliver_to(after)
            await fallen
            await until(lambda: new.taken)

    with Broker() as broker, receiver() as old, receiver() as new:
        asyncio.run(scene(broker, old, new))
    assert (titles_of(old), titles_of(new)) == ([], ["bed-4: fall"])
