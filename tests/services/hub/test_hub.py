"""The hub with a real broker, in this process."""

import asyncio
import json
import resource
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.records import ActionEvent, DriftAlert, SourceState, SourceStatus
from services.demo.broker import Broker
from services.errors import PortTaken, StoreError
from services.hub.http import listen
from services.hub.hub import Hub
from services.hub.reports import Counts, Report, SubjectState
from services.site.clips import ClipsSettings
from services.site.settings import Site, SubjectSettings
from tests.clip_rig import clip, key_file
from tests.fakes import ColourRecognizer
from tests.mqtt_listener import Heard, listening
from tests.services.store.rows import event

SOON_S = 10.0


def site_of(broker: Broker, folder: Path, **broker_settings: object) -> Site:
    return Site.model_validate(
        {
            "site": "ward-3",
            "broker": {"port": broker.port, **broker_settings},
            "hub": {"folder": str(folder), "port": 0, "canary_every_s": 1},
        }
    )


def report(
    *events: ActionEvent,
    alerts: tuple[DriftAlert, ...] = (),
    camera: SourceState = "online",
    sent_ns: int = 1,
) -> Report:
    status = SourceStatus(
        "bed-4", "camera", camera, 0, "as told", "sender", reconnects=2
    )
    states = {"bed-4": SubjectState(camera=status, predicted_ns=7_000_000_000)}
    counts = Counts(
        frames_encoded=3, windows=Counter({("bed-4", "fused"): 2}), ages_s=[0.2, 0.3]
    )
    return Report("watcher-0", sent_ns, events, alerts, states, counts)


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[Hub]:
    hub = Hub(site, ColourRecognizer())
    try:
        await hub.expect({"bed-4": ["camera"]})
        yield hub
    finally:
        await hub.stop()


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=SOON_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def value_of(hub: Hub, series: str) -> float:
    state = await hub.state()
    _, text = await asyncio.to_thread(fetch, f"{state.url}/metrics")
    (line,) = [it for it in text.splitlines() if it.startswith(f"wardwatch_{series} ")]
    return float(line.split()[-1])


def test_what_a_watcher_tells_is_published_with_its_version(tmp_path: Path) -> None:
    alert = DriftAlert(
        "d1", "bed-4", "alerted", "luma", -20.0, 9.0, 8.0, "dark", 0, 300_000_000_000
    )

    async def scene(broker: Broker) -> Heard:
        async with (
            running(site_of(broker, tmp_path)) as hub,
            listening(broker.port) as heard,
        ):
            await hub.accept(report(event(), alerts=(alert,)))
            await heard.until(lambda it: bool(it.of("/drift")), SOON_S)
            await heard.until(lambda it: bool(it.of("bed-4/status")), SOON_S)
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    (told,) = heard.of("wardwatch/ward-3/bed-4/event")
    assert (told["v"], told["type"], told["event_id"]) == (1, "event", "e1")
    assert (told["name"], told["state"], told["end_at"]) == ("fall", "started", None)
    (drift,) = heard.of("wardwatch/ward-3/bed-4/drift")
    assert (drift["v"], drift["cause"]) == (1, "dark")
    assert heard.of("bed-4/status")[-1]["state"] == "online"


def test_an_event_told_twice_is_published_and_counted_once(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> tuple[Heard, float, float]:
        async with (
            running(site_of(broker, tmp_path)) as hub,
            listening(broker.port) as heard,
        ):
            for _ in range(2):  # the first answer was lost on its way
                await hub.accept(report(event()))
            await hub.accept(report(event("ended"), sent_ns=2))
            await heard.until(lambda it: len(it.of("/event")) > 1, SOON_S)
            windows = await value_of(hub, 'windows_total{modality="fused"}')
            name = 'events_total{event="fall",subject="bed-4"}'
            return heard, windows, await value_of(hub, name)

    with Broker() as broker:
        heard, windows, falls = asyncio.run(scene(broker))
    assert [it["state"] for it in heard.of("/event")] == ["started", "ended"]
    assert (windows, falls) == (4.0, 1.0)


def test_the_hub_keeps_clips_of_those_who_consent_while_they_do(tmp_path: Path) -> None:
    subject = {"id": "bed-4", "camera": "test", "clip": {"consent": "the resident"}}
    clips = {"key_file": str(key_file(tmp_path))}

    async def scene(broker: Broker) -> list[bool]:
        site = site_of(broker, tmp_path).model_copy(
            update={"clips": ClipsSettings.model_validate(clips)}
        )
        consent = SubjectSettings.model_validate(subject)
        consenting = site.model_copy(update={"subjects": (consent,)})
        kept = []
        async with running(consenting) as hub:
            await hub.accept(report(event()))
            for now in (consenting, site):
                await hub.deliver_to(now)
                await hub.keep_clip(clip())
                kept.append(hub._store.clips.has("e1"))
        return kept

    with Broker() as broker:
        assert asyncio.run(scene(broker)) == [True, False]


@pytest.mark.slow
def test_events_outlive_the_absence_of_broker_and_hub(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> Heard:
        site = site_of(broker, tmp_path)
        broker.stop()
        async with running(site) as hub:
            await hub.accept(report(event()))
        broker.start()
        async with listening(broker.port) as heard:
            async with running(site) as hub:
                assert await hub.open_events(["bed-4"]) == [event()]
                await heard.until(lambda it: bool(it.of("/event")), 20.0)
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    assert [it["event_id"] for it in heard.of("/event")] == ["e1"]


@pytest.mark.slow
def test_whoever_comes_later_hears_how_things_stand(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> list[Any]:
        async with running(site_of(broker, tmp_path)) as hub:
            async with listening(broker.port) as first:
                await hub.accept(report(camera="offline"))
                await first.until(lambda it: bool(it.of("bed-4/status")), SOON_S)
            async with listening(broker.port) as late:
                await late.until(lambda it: len(it.messages) == 2, SOON_S)
                (subject,) = late.of("bed-4/status")
                (site,) = late.of("ward-3/status")
        async with listening(broker.port) as after:
            await after.until(lambda it: bool(it.of("ward-3/status")), SOON_S)
            return [subject, site, *after.of("ward-3/status")]

    with Broker() as broker:
        subject, site, after = asyncio.run(scene(broker))
    assert (subject["state"], subject["reason"]) == ("offline", "camera: as told")
    assert (site["state"], after["state"]) == ("online", "offline")


def test_it_is_ready_once_broker_and_recognition_answer(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> tuple[tuple[int, str], tuple[int, str]]:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            url = (await hub.state()).url
            await heard.until(lambda it: bool(it.of("/technical")), SOON_S)
            await heard.until(lambda it: bool(it.of("ward-3/status")), SOON_S)
            ready = await asyncio.to_thread(fetch, f"{url}/readyz")
            return ready, await asyncio.to_thread(fetch, f"{url}/healthz")

    with Broker() as broker:
        ready, alive = asyncio.run(scene(broker))
    assert (ready[0], json.loads(ready[1])) == (200, {"ready": True, "troubles": []})
    assert alive[0] == 200


def test_it_is_not_ready_while_a_watcher_gets_no_answer_from_recognition(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker) -> tuple[str, ...]:
        async with running(site_of(broker, tmp_path)) as hub:
            told = report()
            states = {
                name: replace(state, is_recognised=False)
                for name, state in told.subjects.items()
            }
            await hub.accept(replace(told, subjects=states))
            return (await hub.state()).troubles

    with Broker() as broker:
        troubles = asyncio.run(scene(broker))
    assert "recognition does not answer for 1 subjects" in troubles


@pytest.mark.slow
def test_a_changed_answer_to_the_known_clip_is_an_alarm(tmp_path: Path) -> None:
    recognizer = ColourRecognizer()

    async def scene(broker: Broker) -> tuple[list[Any], tuple[int, str]]:
        site = site_of(broker, tmp_path)
        hub = Hub(site, recognizer)
        async with listening(broker.port) as heard:
            url = (await hub.state()).url
            await heard.until(lambda it: bool(it.of("/technical")), SOON_S)
            recognizer.blinded = True
            await heard.until(lambda it: len(it.of("/technical")) > 1, SOON_S)
            ready = await asyncio.to_thread(fetch, f"{url}/readyz")
            recognizer.blinded = False
            await heard.until(lambda it: len(it.of("/technical")) > 2, SOON_S)
            await hub.stop()
            return heard.of("/technical"), ready

    with Broker() as broker:
        told, ready = asyncio.run(scene(broker))
    assert [it["state"] for it in told] == ["cleared", "alarmed", "cleared"]
    assert "does not give the known answer" in told[1]["text"]
    assert (ready[0], "does not give the known answer" in ready[1]) == (503, True)


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"^127\.0\.0\.1:{port}: address already"):
            listen("127.0.0.1", port)


def refuse_on_full_disk(port: int, folder: Path) -> None:
    """Give a hub an event while no write of this process succeeds; print what it says.

    A limit on the size of files is what SQLite cannot tell from a full disk.
    """

    async def scene() -> None:
        settings = {"port": port}, {"folder": str(folder), "port": 0}
        site = Site.model_validate(
            {"site": "ward-3", "broker": settings[0], "hub": settings[1]}
        )
        async with running(site) as hub:
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
            try:
                await hub.accept(report(event()))
            except StoreError as err:
                sys.stdout.write(f"{err}\n")
            url = f"http://127.0.0.1:{hub.port}"
            code, text = await asyncio.to_thread(fetch, f"{url}/readyz")
            sys.stdout.write(f"{code} {text}\n")
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            await hub.accept(report(event()))  # there is room again
            kept = await hub.open_events(["bed-4"])
            sys.stdout.write(f"{len(kept)}\n")

    asyncio.run(scene())


@pytest.mark.slow
def test_a_full_disk_is_told_and_nothing_is_taken_that_is_not_kept(
    tmp_path: Path,
) -> None:
    with Broker() as broker:
        script = (
            "from pathlib import Path; from tests.services.hub.test_hub import *;"
            f"refuse_on_full_disk({broker.port}, Path({str(tmp_path)!r}))"
        )
        answer = subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
    error, ready, kept = answer.stdout.splitlines()
    assert "hub.sqlite: " in error
    assert "disk" in error
    assert ready.startswith("503 ")
    assert "hub.sqlite" in ready
    assert kept == "1"
    assert "Traceback" not in answer.stderr


def test_whoever_is_watched_no_more_is_forgotten_by_the_broker(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> list[str]:
        site = site_of(broker, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report())
            await heard.until(lambda it: bool(it.of("bed-4/status")), SOON_S)
            await hub.expect({})
            await heard.until(lambda it: it.of("bed-4/status")[-1] is None, SOON_S)
        async with listening(broker.port) as late:
            await late.until(lambda it: bool(it.of("ward-3/status")), SOON_S)
            return [topic for topic, _ in late.messages]

    with Broker() as broker:
        assert asyncio.run(scene(broker)) == ["wardwatch/ward-3/status"]


@pytest.mark.slow
def test_few_series_are_enough_for_many_subjects(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> int:
        async with running(site_of(broker, tmp_path)) as hub:
            await hub.expect({f"bed-{i}": ["camera", "imu"] for i in range(32)})
            url = (await hub.state()).url
            _, text = await asyncio.to_thread(fetch, f"{url}/metrics")
            return sum(not line.startswith("#") for line in text.splitlines())

    with Broker() as broker:
        assert 300 < asyncio.run(scene(broker)) < 2000
