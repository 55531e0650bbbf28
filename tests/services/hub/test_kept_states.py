"""Who is in bed and in view, as the hub publishes it on a real broker."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.records import BedState, BedStatus, PeopleCount, WornState, WornStatus
from services.demo.broker import Broker
from services.hub.reports import Report
from tests.mqtt_listener import Heard, listening
from tests.services.hub.test_hub import SOON_S, report, running, site_of, value_of

TOPIC = "wardwatch/ward-3/bed-4/bed"


def bed_report(state: BedState | None, since_ns: int, sent_ns: int) -> Report:
    plain = report(sent_ns=sent_ns)
    bed = None if state is None else BedStatus("bed-4", state, since_ns)
    subjects = {"bed-4": replace(plain.subjects["bed-4"], bed=bed)}
    return replace(plain, subjects=subjects)


def states_of(heard: Heard) -> list[str | None]:
    return [it and it["state"] for it in heard.of("bed-4/bed")]


async def kept_topics(
    broker: Broker, *, until: str = "ward-3/status"
) -> list[tuple[str, Any]]:
    async with listening(broker.port) as late:
        await late.until(lambda it: bool(it.of(until)), SOON_S)
        return late.messages


def test_each_change_of_the_bed_is_published_once_and_kept(tmp_path: Path) -> None:
    """The same state with a corrected time is no change."""
    rows: Sequence[tuple[BedState | None, int]] = [
        (None, 0),
        ("in", 5),
        ("in", 6),
        ("out", 9),
    ]

    async def scene(broker: Broker) -> tuple[Heard, float, list[tuple[str, Any]]]:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await heard.until(lambda it: bool(it.of("ward-3/status")), SOON_S)
            for sent_ns, (state, since_ns) in enumerate(rows, start=1):
                await hub.accept(bed_report(state, since_ns, sent_ns))
            await heard.until(lambda it: "out" in states_of(it), SOON_S)
            gauge = await value_of(hub, 'in_bed{subject="bed-4"}')
            return heard, gauge, await kept_topics(broker, until=TOPIC)

    with Broker() as broker:
        heard, gauge, kept = asyncio.run(scene(broker))
    assert states_of(heard) == ["in", "out"]
    last = heard.of(TOPIC)[-1]
    assert (last["v"], last["type"], last["subject"]) == (1, "bed", "bed-4")
    assert gauge == 0
    assert (TOPIC, last) in kept


@pytest.mark.slow
def test_a_state_that_is_no_longer_known_is_deleted(tmp_path: Path) -> None:
    """The zones were removed while the service was down."""

    async def scene(broker: Broker) -> list[tuple[str, Any]]:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard:
            async with running(site) as hub:
                await hub.accept(bed_report("in", 5, 1))
                await heard.until(lambda it: "in" in states_of(it), SOON_S)
            async with running(site) as hub:
                await hub.accept(bed_report(None, 0, 2))
                await heard.until(lambda it: it.of("bed-4/bed")[-1] is None, SOON_S)
                return await kept_topics(broker)

    with Broker() as broker:
        kept = asyncio.run(scene(broker))
    assert TOPIC not in [topic for topic, _ in kept]


def test_the_bed_of_a_subject_that_is_gone_is_deleted(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> list[tuple[str, Any]]:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(bed_report("in", 5, 1))
            await heard.until(lambda it: "in" in states_of(it), SOON_S)
            await hub.expect({})
            await heard.until(lambda it: it.of("bed-4/bed")[-1] is None, SOON_S)
            return await kept_topics(broker)

    with Broker() as broker:
        kept = asyncio.run(scene(broker))
    assert [topic for topic, _ in kept] == ["wardwatch/ward-3/status"]


def people_report(count: int | None, sent_ns: int) -> Report:
    plain = report(sent_ns=sent_ns)
    people = None if count is None else PeopleCount("bed-4", sent_ns, count)
    subjects = {"bed-4": replace(plain.subjects["bed-4"], people=people)}
    return replace(plain, subjects=subjects)


@pytest.mark.slow
def test_the_number_of_people_is_published_and_kept_when_it_changes(
    tmp_path: Path,
) -> None:
    def counts_of(heard: Heard) -> list[int | None]:
        return [it and it["count"] for it in heard.of("bed-4/people")]

    async def scene(broker: Broker) -> tuple[list[int | None], list[tuple[str, Any]]]:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard:
            async with running(site) as hub:
                for sent_ns, count in enumerate((None, 1, 1, 2, 0), start=1):
                    await hub.accept(people_report(count, sent_ns))
                await heard.until(lambda it: 0 in counts_of(it), SOON_S)
                kept = await kept_topics(broker, until="bed-4/people")
            async with running(site) as hub:
                await hub.accept(people_report(None, 9))
                await heard.until(lambda it: None in counts_of(it), SOON_S)
            return counts_of(heard), kept

    with Broker() as broker:
        counts, kept = asyncio.run(scene(broker))
    assert counts == [1, 2, 0, None]
    (last,) = [it for topic, it in kept if topic == "wardwatch/ward-3/bed-4/people"]
    assert sorted(last) == ["count", "since_at", "subject", "type", "v"]


def test_whether_the_wearable_is_worn_is_published_and_changes_the_status(
    tmp_path: Path,
) -> None:
    def worn_report(state: WornState, sent_ns: int) -> Report:
        plain = report(sent_ns=sent_ns)
        worn = WornStatus("bed-4", state, 5)
        subjects = {"bed-4": replace(plain.subjects["bed-4"], worn=worn)}
        return replace(plain, subjects=subjects)

    def told(heard: Heard) -> list[str]:
        return [it["state"] for it in heard.of("bed-4/worn")]

    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(worn_report("worn", 1))
            await hub.accept(worn_report("not worn", 2))
            await heard.until(lambda it: "not worn" in told(it), SOON_S)
            await heard.until(
                lambda it: "imu: not worn" in it.of("bed-4/status")[-1]["reason"],
                SOON_S,
            )
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    assert told(heard) == ["worn", "not worn"]
