"""The hub keeps clips of those who consent, and forgets those of all others."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.clips.sealed import MOST_BYTES, SealedClip
from services.hub.clock import HubClock
from services.hub.history.clip_keeper import ClipKeeper
from services.hub.metrics.metrics import Metrics
from services.hub.reports import Counts
from services.hub.topics import Topics
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.notes import CLIP_SUBJECTS
from services.store.store import Store
from tests.clip_rig import clip, key_file
from tests.fakes import FakeClock
from tests.services.store.rows import alarm, message


class Rig:
    def __init__(self, folder: Path) -> None:
        self.store, clock = Store.migrated(sqlite_url(folder)), FakeClock()
        self.registry, self.key = CollectorRegistry(), key_file(folder)
        self.metrics = Metrics(self.registry, ["fall"], clock.now_ns())
        topics = Topics("wardwatch", "ward")
        self._dates = HubClock(clock, self.store, self.metrics.hub, topics)
        alarms = [alarm("e1"), alarm("e2", subject="bed-5")]
        self.store.take([message("a")], {}, 1, alarms)

    def keeper(self, *consenting: str) -> ClipKeeper:
        return ClipKeeper(
            self.site(*consenting), self.store, self._dates, self.metrics.hub
        )

    def site(self, *consenting: str) -> Site:
        subjects = [
            {
                "id": name,
                "camera": "test",
                "clip": {"consent": "the resident"} if name in consenting else None,
            }
            for name in ("bed-4", "bed-5")
        ]
        clips = {"key_file": str(self.key)}
        return Site.model_validate({"site": "w", "subjects": subjects, "clips": clips})

    def count(self, outcome: str) -> float | None:
        labels = {"outcome": outcome}
        return self.registry.get_sample_value("wardwatch_clips_total", labels)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_a_clip_is_kept_only_of_a_subject_that_consents(rig: Rig) -> None:
    keeper = rig.keeper("bed-4")
    for each in (clip("e1"), clip("e2", "bed-5"), clip("e9")):
        asyncio.run(keeper.keep(each))
    assert rig.store.clips.has("e1")
    assert not rig.store.clips.has("e2")
    assert (rig.count("kept"), rig.count("unwanted")) == (1, 2)


def test_a_clip_that_is_too_large_is_not_kept(rig: Rig) -> None:
    keeper = rig.keeper("bed-4")
    for size in (MOST_BYTES + 1, MOST_BYTES):
        asyncio.run(keeper.keep(SealedClip("e1", "bed-4", 1, b"x" * size)))
        assert rig.store.clips.has("e1") == (size == MOST_BYTES)


def test_the_end_of_a_consent_deletes_the_clips_and_a_late_one_is_not_kept(
    rig: Rig,
) -> None:
    keeper = rig.keeper("bed-4", "bed-5")

    async def scene() -> None:
        await keeper.settle(rig.site("bed-4", "bed-5"))
        await keeper.keep(clip("e1"))
        await keeper.keep(clip("e2", "bed-5"))
        await keeper.settle(rig.site("bed-4"))
        await keeper.keep(clip("e2", "bed-5"))

    asyncio.run(scene())
    assert (rig.store.clips.has("e1"), rig.store.clips.has("e2")) == (True, False)
    assert rig.store.notes.recall(CLIP_SUBJECTS) == ["bed-4"]
    assert rig.store.audit.page(9)[0].detail["subject"] == "bed-5"


def test_clips_that_watchers_have_lost_are_counted(rig: Rig) -> None:
    assert rig.count("lost") == 0
    rig.metrics.count(Counts(clips_lost=2))
    assert rig.count("lost") == 2
