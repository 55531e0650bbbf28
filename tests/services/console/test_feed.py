"""What the feed reads, and whom it tells."""

import asyncio
from typing import Any

from sqlalchemy import text

from services.console.context import Console
from services.console.feed import Feed, Snapshot
from tests.fakes import FakeClock
from tests.made_up_ward import fall, live

SOON_S = 10.0


def looked(console: Console) -> Snapshot:
    return asyncio.run(console.feed.look())


def put(console: Console, at_ns: int, posture: str = "bed", **facts: Any) -> None:
    console.store.live.put({"bed-4": live(at_ns, posture, **facts)}, at_ns)


def test_a_look_without_news_changes_nothing(console: Console) -> None:
    put(console, 1)
    first = looked(console)
    assert looked(console) is first
    console.store.close()


def test_a_new_alarm_and_a_new_report_are_news(console: Console) -> None:
    put(console, 1)
    first = looked(console)
    fall(console.store, "bed-4", 5)
    second = looked(console)
    put(console, 2)
    third = looked(console)
    assert first.revision < second.revision < third.revision
    assert [alarm.subject_id for alarm in second.of_subject("bed-4")] == ["bed-4"]
    assert third.live["bed-4"].at_ns == 2
    console.store.close()


def test_the_hubs_subjects_replace_those_of_the_file(console: Console) -> None:
    assert looked(console).subjects == ()
    console.store.notes.note("expected sources", {"bed-9": ["camera"]})
    assert looked(console).subjects == ("bed-9",)
    console.store.close()


def test_somebody_who_lies_still_keeps_the_last_pose(console: Console) -> None:
    put(console, 1)
    seen = looked(console).live["bed-4"].content["poses"]
    put(console, 2, poses=[])
    assert looked(console).live["bed-4"].content["poses"] == seen[-1:]
    put(console, 3, poses=[], people=0)
    assert looked(console).live["bed-4"].content["poses"] == []
    console.store.close()


def test_an_answer_that_was_given_is_part_of_the_snapshot(console: Console) -> None:
    alarm = fall(console.store, "bed-4", 5)
    for kind in ("snooze", "ack"):
        console.store.answers.give(alarm.alarm_id, kind, {}, "kim", 6)
    assert looked(console).answers[alarm.alarm_id].kind == "ack"
    console.store.close()


def test_whoever_waits_hears_of_news_and_of_the_end(console: Console) -> None:
    async def scene() -> tuple[int, int, bool]:
        before = (await console.feed.look()).revision
        waiting = asyncio.create_task(console.feed.newer(before, SOON_S))
        await asyncio.sleep(0)
        fall(console.store, "bed-4", 5)
        await console.feed.look()
        after = (await waiting).revision
        ending = asyncio.create_task(console.feed.newer(after, SOON_S))
        await asyncio.sleep(0)
        await console.feed.close()
        return before, after, (await ending).revision == after

    before, after, has_ended = asyncio.run(scene())
    assert before < after
    assert has_ended
    console.store.close()


def test_a_store_that_cannot_be_read_is_a_trouble_and_what_was_read_stays(
    console: Console,
) -> None:
    put(console, 1)
    looked(console)
    console.store.database.execute(text("DROP TABLE alarms"))
    snapshot = looked(console)
    assert "alarms" in snapshot.trouble
    assert snapshot.live["bed-4"].at_ns == 1
    console.store.close()


def test_the_feed_looks_four_times_a_second(console: Console) -> None:
    clock = FakeClock()

    async def scene() -> None:
        feed = Feed(console.store, clock, ())
        running = asyncio.create_task(feed.run())
        await clock.wait_for_sleepers()
        fall(console.store, "bed-4", 5)
        clock.advance_s(0.25)
        await asyncio.wait_for(feed.newer(feed.snapshot.revision, SOON_S), SOON_S)
        assert feed.snapshot.alarms
        running.cancel()

    asyncio.run(scene())
    console.store.close()
