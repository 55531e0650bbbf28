"""Faults that last alarm once each, and are resolved when they are over."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from jaxtyping import UInt8

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm
from pipelines.records import Clip, DriftStatus, SourceState, SourceStatus, WornStatus
from services.demo.broker import Broker
from services.hub.alarms.technical import (
    CAMERA_LOST,
    DRIFT,
    NOT_WATCHED,
    NOT_WORN,
    OVERLOADED,
    SITE_SUBJECT,
    WEARABLE_SILENT,
    Fault,
    TechnicalAlarms,
    faults_of,
)
from services.hub.hub import Hub
from services.hub.reports import SubjectState
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store
from tests.fakes import ColourRecognizer
from tests.mqtt_listener import Heard, listening
from tests.services.hub.test_hub import SOON_S, report, running, value_of
from tests.services.store.rows import event

KEY = ("bed-4", CAMERA_LOST)
TOPIC = "wardwatch/ward-3/bed-4/alarm"


class Looks:
    """Looks at one fault at given times, and keeps what is open."""

    def __init__(self) -> None:
        self.alarms, self.open = TechnicalAlarms(60), dict[str, Alarm]()

    def at(self, seconds: float, present: bool | None) -> list[str]:
        """Return the states of the alarms that changed."""
        now_ns = round(seconds * NS_PER_S)
        faults = {("bed-4", NOT_WATCHED): present is None}
        if present is not None:
            faults[KEY] = present
        return self.of(faults, now_ns)

    def of(self, faults: dict[tuple[str, Fault], bool], now_ns: int) -> list[str]:
        changed = self.alarms.changes(faults, self.open.values(), now_ns, now_ns)
        self.alarms.kept(changed)
        self.open |= {it.alarm_id: it for it in changed}
        self.open = {name: it for name, it in self.open.items() if not it.is_over}
        return [it.state for it in changed]


def test_a_short_fault_alarms_nobody_and_a_long_one_once() -> None:
    looks = Looks()
    assert looks.at(0, True) == looks.at(59, True) == looks.at(60, False) == []
    assert looks.at(70, True) == looks.at(129, True) == []
    assert looks.at(130, True) == ["confirmed"]
    assert looks.at(500, True) == []
    assert looks.at(510, None) == []  # nobody knows
    assert looks.at(520, False) == ["resolved"]
    assert looks.at(530, False) == []


def test_what_a_person_has_resolved_comes_again_only_after_it_was_over() -> None:
    looks = Looks()
    looks.at(0, True)
    assert looks.at(60, True) == ["confirmed"]
    looks.open.clear()
    assert looks.at(500, True) == []
    assert looks.at(510, False) == looks.at(520, True) == []
    assert looks.at(580, True) == ["confirmed"]


def test_the_unknown_is_not_over_and_a_removed_subject_is_forgotten() -> None:
    looks = Looks()
    looks.at(0, True)
    assert looks.at(60, True) == ["confirmed"]
    looks.open.clear()  # a person has resolved it
    assert looks.at(70, None) == looks.at(80, True) == looks.at(500, True) == []
    assert looks.of({}, 510 * NS_PER_S) == []
    looks.at(520, True)
    assert looks.at(580, True) == ["confirmed"]


def test_a_fault_is_as_old_as_before_it_was_unknown() -> None:
    looks = Looks()
    assert looks.at(0, True) == looks.at(30, None) == looks.at(40, True) == []
    assert looks.at(60, True) == ["confirmed"]


def test_a_restarted_hub_goes_on_with_the_alarm_that_is_open() -> None:
    before, after = Looks(), Looks()
    before.at(0, True)
    before.at(60, True)
    after.open = before.open
    assert after.at(70, None) == after.at(80, True) == after.at(900, True) == []
    assert after.at(910, False) == ["resolved"]


def status(state: SourceState) -> SourceStatus:
    return SourceStatus("bed-4", "camera", state, 0, "", "sender")


WELL = SubjectState(camera=status("online"))
WORN = replace(WELL, has_wearable=True, wearable=status("online"))


@pytest.mark.parametrize(
    ("state", "present", "unknown"),
    [
        (WELL, set(), {WEARABLE_SILENT, NOT_WORN}),
        (replace(WELL, camera=status("stalled")), {CAMERA_LOST}, {WEARABLE_SILENT}),
        (replace(WELL, camera=None), {CAMERA_LOST}, set()),
        (replace(WORN, wearable=status("offline")), {WEARABLE_SILENT}, set()),
        (replace(WORN, worn=WornStatus("bed-4", "not worn", 0)), {NOT_WORN}, set()),
        (replace(WORN, worn=WornStatus("bed-4", "worn", 0)), set(), set()),
        (
            replace(WELL, drift=DriftStatus("bed-4", "alerted", 0, None, 0)),
            {DRIFT},
            set(),
        ),
        (replace(WELL, is_watched=False), {NOT_WATCHED}, {CAMERA_LOST, DRIFT}),
        (replace(WORN, has_camera=False, camera=None), set(), {CAMERA_LOST}),
    ],
)
def test_faults_are_those_that_a_state_shows(
    state: SubjectState, present: set[Fault], unknown: set[Fault]
) -> None:
    found = {fault: it for (_, fault), it in faults_of({"bed-4": state}).items()}
    assert {fault for fault, is_present in found.items() if is_present} == present
    assert not unknown & found.keys()


def test_an_overload_is_one_fault_of_the_site_and_its_alarm_says_what_to_do() -> None:
    states = {"bed-4": WELL, "bed-5": replace(WELL, every=3)}
    key = (SITE_SUBJECT, OVERLOADED)
    assert faults_of(states)[key]
    assert not faults_of({"bed-4": WELL})[key]
    assert key not in faults_of({"bed-4": replace(WELL, is_watched=False)})
    (alarm,) = TechnicalAlarms(0).changes(faults_of(states), (), 0, 7)
    assert (alarm.subject_id, alarm.name) == ("technical", "overloaded")
    assert alarm.history[0].note.endswith("watch fewer cameras, or add cores or nodes")


def told(heard: Heard) -> list[tuple[str, str, str]]:
    changed: list[dict[str, Any]] = [it["changed"] for it in heard.of(TOPIC) if it]
    return [(it["name"], it["kind"], it["state"]) for it in changed]


def test_a_lost_camera_is_an_alarm_until_it_is_back(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path, technical_after_s=0)
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event(), camera="offline"))
            await heard.until(lambda it: len(told(it)) == 2, SOON_S)
            waiting = 'alarms_unanswered{subject="bed-4"}'
            async with asyncio.timeout(SOON_S):
                while await value_of(hub, waiting) != 1:  # noqa: ASYNC110  its own round
                    await asyncio.sleep(0.05)
        off = site_of(broker, tmp_path, technical_alarms=False)
        async with listening(broker.port) as heard, running(off):
            await heard.until(
                lambda it: ("camera lost", "technical", "resolved") in told(it), SOON_S
            )
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(camera="offline", sent_ns=2))
            await heard.until(
                lambda it: ("camera lost", "technical", "confirmed") in told(it), SOON_S
            )
            await hub.accept(report(camera="online", sent_ns=3))
            await heard.until(lambda it: told(it)[-1][2] == "resolved", SOON_S)
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    assert told(heard)[-1] == ("camera lost", "technical", "resolved")
    last = heard.of(TOPIC)[-1]
    assert last["changed"]["priority"] == "medium"
    assert [(it["name"], it["kind"]) for it in last["open"]] == [("fall", "person")]


class NeverAnswers:
    """An ``ActionRecognizer`` that is still loading."""

    info = ColourRecognizer().info

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    async def classify(self, clips: Sequence[Clip]) -> NoReturn:
        raise AssertionError


def test_recognition_does_not_fail_before_it_was_tested(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> list[str]:
        site = site_of(broker, tmp_path, technical_after_s=0)
        hub = Hub(site, NeverAnswers())
        await hub.expect({"bed-4": ["camera"]})
        async with listening(broker.port) as heard:
            await hub.accept(report(camera="offline"))
            await heard.until(lambda it: bool(told(it)), SOON_S)
            state = await hub.state()
        await hub.stop()
        assert "recognition has not been tested yet" in state.troubles
        store = Store.migrated(sqlite_url(tmp_path))
        names = [alarm.name for alarm in store.alarms.open()]
        store.close()
        return names

    with Broker() as broker:
        assert asyncio.run(scene(broker)) == ["camera lost"]


def site_of(broker: Broker, folder: Path, **more: object) -> Site:
    return Site.model_validate(
        {
            "site": "ward-3",
            "broker": {"port": broker.port},
            "hub": {"folder": str(folder), "port": 0, "canary_every_s": 60},
            **more,
        }
    )
