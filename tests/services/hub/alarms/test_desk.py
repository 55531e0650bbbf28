"""Alarms on a real broker: raised, moved on by time, answered, kept over restarts."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from pipelines.records import BED_EXIT, ActionEvent, EventState
from services.demo.broker import Broker
from services.hub.hub import Hub
from services.site.settings import Site
from tests.fakes import ColourRecognizer
from tests.mqtt_listener import Heard, listening
from tests.services.hub.test_hub import SOON_S, report, running, value_of
from tests.services.store.rows import event

TOPIC = "wardwatch/ward-3/bed-4/alarm"


def site_of(broker: Broker, folder: Path, **alarms: object) -> Site:
    return Site.model_validate(
        {
            "site": "ward-3",
            "broker": {"port": broker.port},
            "hub": {"folder": str(folder), "port": 0, "canary_every_s": 60},
            "alarms": alarms,
        }
    )


def bed_exit(state: EventState) -> ActionEvent:
    return replace(event(state, "x1"), name=BED_EXIT)


def states_of(heard: Heard) -> list[str]:
    return [it["changed"]["state"] for it in heard.of("bed-4/alarm") if it]


async def answer(broker: Broker, alarm_id: str, kind: str, **facts: Any) -> None:
    topic = f"wardwatch/ward-3/alarm/{alarm_id}/{kind}"
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish(topic, json.dumps(facts) if facts else b"", qos=1)


def test_a_fall_alarms_is_acknowledged_and_resolved_by_people(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> tuple[Heard, list[float]]:
        waiting = []
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await heard.until(lambda it: bool(it.of("ward-3/status")), SOON_S)
            for sent_ns in (1, 2):  # the first answer was lost on its way
                await hub.accept(report(event(), sent_ns=sent_ns))
            await heard.until(lambda it: "confirmed" in states_of(it), SOON_S)

            async def counted(wanted: float) -> None:
                async with asyncio.timeout(SOON_S):
                    while True:
                        found = await value_of(
                            hub, 'alarms_unanswered{subject="bed-4"}'
                        )
                        if found == wanted:
                            waiting.append(found)
                            return
                        await asyncio.sleep(0.1)

            await counted(1)
            await answer(broker, "e1", "ack", by="kim")
            await heard.until(lambda it: "acknowledged" in states_of(it), SOON_S)
            await counted(0)
            await hub.accept(report(event("ended"), sent_ns=3))
            await answer(broker, "e1", "resolve", by="kim", verdict="true", note="hip")
            await heard.until(lambda it: "resolved" in states_of(it), SOON_S)
            return heard, waiting

    with Broker() as broker:
        heard, waiting = asyncio.run(scene(broker))
    assert states_of(heard) == ["confirmed", "acknowledged", "acknowledged", "resolved"]
    assert waiting == [1, 0]
    last = heard.of(TOPIC)[-1]
    assert (last["v"], last["type"], last["subject"]) == (1, "alarm", "bed-4")
    assert last["open"] == []
    changed = last["changed"]
    assert (changed["alarm_id"], changed["name"]) == ("e1", "fall")
    assert (changed["priority"], changed["verdict"]) == ("high", "true")
    assert (changed["confidence"], changed["modality"]) == (0.9, "video")
    steps = [(entry["step"], entry["by"]) for entry in changed["history"]]
    assert steps[2:] == [
        ("acknowledged", "kim"),
        ("recovered", ""),
        ("resolved", "kim"),
    ]
    assert changed["history"][-1]["note"] == "hip"


@pytest.mark.slow
def test_an_alarm_goes_on_after_a_restart_and_escalates(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> tuple[Heard, list[Any]]:
        site = site_of(broker, tmp_path, fall={"escalate_s": [2, 1]})
        async with listening(broker.port) as heard:
            async with running(site) as hub:
                await hub.accept(report(event()))
                await heard.until(lambda it: "confirmed" in states_of(it), SOON_S)
            async with running(site) as hub:
                await heard.until(lambda it: states_of(it).count("escalated") == 2, 20)
                await hub.accept(report(event(), sent_ns=2))  # told again
                await answer(broker, "e1", "ack", by="kim")
                await heard.until(lambda it: "acknowledged" in states_of(it), SOON_S)
            async with listening(broker.port) as late:
                await late.until(lambda it: bool(it.of(TOPIC)), SOON_S)
                return heard, late.of(TOPIC)

    with Broker() as broker:
        heard, kept = asyncio.run(scene(broker))
    told = [it["changed"] for it in heard.of(TOPIC)]
    assert {it["alarm_id"] for it in told} == {"e1"}
    assert told[-1]["escalations"] == 2
    steps = [entry["step"] for entry in told[-1]["history"]]
    assert steps == ["suspected", "confirmed", "escalated", "escalated", "acknowledged"]
    assert kept[-1]["open"][0]["state"] == "acknowledged"


def test_a_bed_exit_is_over_with_its_episode_and_a_silent_event_never_alarms(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path, fall={"priority": "none"})
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event(), bed_exit("started"), sent_ns=1))
            await hub.accept(report(bed_exit("ended"), sent_ns=2))
            await heard.until(lambda it: "resolved" in states_of(it), SOON_S)
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    told = [it["changed"] for it in heard.of(TOPIC)]
    assert {it["name"] for it in told} == {BED_EXIT}
    assert [it["priority"] for it in told] == ["medium"] * 2


BAD = [
    ("e1", "ack", b"{", "the payload is no JSON object"),
    ("e1", "ack", b'{"by": 7}', "by must be a line of at most 200 characters"),
    ("e1", "snooze", b'{"minutes": true}', "minutes must be a number above 0"),
    ("e1", "resolve", b'{"verdict": "maybe"}', 'verdict must be "true" or "false"'),
    ("e1", "shout", b"", "answers are ack, snooze, escalate, resolve, not 'shout'"),
    ("e9", "ack", b"", "alarm e9 does not exist"),
]


def test_answers_that_do_not_fit_are_one_line_each_and_lose_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path)
        async with listening(broker.port, TOPIC) as heard, running(site) as hub:
            await hub.accept(report(event()))
            await heard.until(lambda it: "confirmed" in states_of(it), SOON_S)
            async with aiomqtt.Client("127.0.0.1", broker.port) as client:
                for alarm_id, kind, payload, _ in BAD:
                    topic = f"wardwatch/ward-3/alarm/{alarm_id}/{kind}"
                    await client.publish(topic, payload, qos=1)
            await answer(broker, "e1", "snooze", minutes=5)
            await heard.until(lambda it: "snoozed" in states_of(it), SOON_S)
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    assert states_of(heard) == ["confirmed", "snoozed"]
    lines = [
        it.getMessage() for it in caplog.records if "is ignored" in it.getMessage()
    ]
    assert len(lines) == len(BAD)
    for line, (alarm_id, kind, _, problem) in zip(lines, BAD, strict=True):
        assert line.startswith(f"an answer on …/alarm/{alarm_id}/{kind} is ignored: ")
        assert problem in line


def test_a_button_acknowledges_all_alarms_of_a_subject(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event(), bed_exit("started")))
            await heard.until(lambda it: len(states_of(it)) == 2, SOON_S)
            await answer(broker, "e1", "ack", by="kim")
            await heard.until(lambda it: "acknowledged" in states_of(it), SOON_S)
            await answer(broker, "bed-4", "ack", by="lee")
            await heard.until(
                lambda it: states_of(it).count("acknowledged") == 2, SOON_S
            )
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    who = {
        it["changed"]["alarm_id"]: it["changed"]["history"][-1]["by"]
        for it in heard.of(TOPIC)
    }
    assert who == {"e1": "kim", "x1": "lee"}


def test_a_subject_has_rules_of_its_own_which_a_restarted_hub_keeps(
    tmp_path: Path,
) -> None:
    own = Site.model_validate(
        {
            "site": "ward-3",
            "subjects": [
                {
                    "id": "bed-4",
                    "camera": "test",
                    "alarms": {"fall": {"priority": "low", "escalate_s": [1]}},
                }
            ],
            "alarms": {BED_EXIT: {"priority": "none"}},
        }
    )

    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard:
            async with running(site) as hub:
                await hub.expect({"bed-4": ["camera"]}, own.alarm_rules())
            hub = Hub(site, ColourRecognizer())  # restarted: nobody tells it the rules
            await hub.state()
            try:
                await hub.accept(report(bed_exit("started"), event()))
                await heard.until(lambda it: "escalated" in states_of(it), SOON_S)
            finally:
                await hub.stop()
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    told = [it["changed"] for it in heard.of(TOPIC)]
    assert {(it["alarm_id"], it["priority"]) for it in told} == {("e1", "low")}


def test_the_alarms_of_a_removed_subject_are_over_and_deleted(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event()))
            await heard.until(lambda it: "confirmed" in states_of(it), SOON_S)
            await hub.expect({})
            await heard.until(lambda it: it.of(TOPIC)[-1] is None, SOON_S)
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    assert states_of(heard)[-1] == "resolved"
    assert heard.of(TOPIC)[-2]["changed"]["history"][-1]["note"] == (
        "the subject was removed"
    )


def test_out_of_bed_for_too_long_has_its_own_name_and_the_rule_of_its_hour(
    tmp_path: Path,
) -> None:
    """The hub is restarted, and its site says otherwise: the subject's rules count."""
    night = {"priority": "low", "confirm_s": 60, "out_of_bed_s": 1, "latches": False}
    hours = [("a", "00:00", "12:00"), ("b", "12:00", "00:00")]
    profiles = [
        {"name": name, "from": begin, "until": end, "alarms": {BED_EXIT: night}}
        for name, begin, end in hours
    ]
    subject = {"id": "bed-4", "camera": "test", "alarm_profiles": profiles}
    own = Site.model_validate({"site": "ward-3", "subjects": [subject]})

    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard:
            async with running(site) as hub:
                await hub.expect({"bed-4": ["camera"]}, own.alarm_rules())
                await hub.accept(report(bed_exit("started")))
            hub = Hub(site, ColourRecognizer())
            await hub.state()
            try:
                await heard.until(lambda it: "escalated" in states_of(it), SOON_S)
                await hub.accept(report(bed_exit("ended"), sent_ns=2))
                await heard.until(lambda it: "resolved" in states_of(it), SOON_S)
            finally:
                await hub.stop()
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    changed = heard.of(TOPIC)[-1]["changed"]
    steps = [entry["step"] for entry in changed["history"]]
    assert steps == ["suspected", "out of bed", "resolved"]
    assert changed["priority"] == "high"
