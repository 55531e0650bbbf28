"""The connection to the hub, while the hub is away, and when it refuses."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import final

import pytest
from ray.exceptions import RayActorError

from pipelines.records import ActionEvent
from services.clips.sealed import SealedClip
from services.hub.link import RayHubLink
from services.hub.reports import Report
from tests.clip_rig import clip
from tests.jumping_time import run_with_jumps
from tests.services.hub.test_hub import report
from tests.services.store.rows import event
from tests.services.supervisor.cluster_rig import Method, raised_over_there

PATIENCE_S, PAUSE_S = 10.0, 0.5
CLIP_TRIES = 4


@final
class Ward:
    """A namespace with a hub in it, which may be away.

    Attributes:
        accepted: Reports that the hub has on its disk.
        clips: Clips that it has taken.
        looks: How often the hub was looked for.
    """

    def __init__(self, *troubles: Exception) -> None:
        self._troubles = list(troubles)
        self.accepted: list[Report] = []
        self.clips: list[SealedClip] = []
        self.looks = 0

    def find(self, namespace: str) -> "Ward":
        assert namespace == "wardwatch-ward@01234567"
        self.looks += 1
        if self._troubles and type(self._troubles[0]) is ValueError:
            raise self._troubles.pop(0)  # Ray: there is no such actor
        return self

    @property
    def accept(self) -> Method:
        return Method(self._accept)

    @property
    def open_events(self) -> Method:
        return Method(self._open_events)

    @property
    def keep_clip(self) -> Method:
        return Method(self._keep_clip)

    async def _keep_clip(self, clip: SealedClip) -> None:
        await self._respond()
        self.clips.append(clip)

    async def _accept(self, report: Report) -> None:
        await self._respond()
        self.accepted.append(report)

    async def _open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        await self._respond()
        return [replace(event(), subject_id=it) for it in subject_ids]

    async def _respond(self) -> None:
        trouble = self._troubles.pop(0) if self._troubles else None
        if isinstance(trouble, TimeoutError):
            await asyncio.Event().wait()
        if trouble is not None:
            raise trouble


def link_to(ward: Ward) -> RayHubLink:
    return RayHubLink("wardwatch-ward@01234567", ward.find)


@pytest.mark.parametrize(
    "trouble",
    [
        ValueError("there is no actor of that name"),
        RayActorError(),
        raised_over_there(OSError(28, "No space left on device")),
    ],
    ids=["hub not there", "hub died", "hub refused"],
)
def test_a_report_is_sent_again_until_the_hub_has_it(trouble: Exception) -> None:
    async def scene() -> float:
        started_s = asyncio.get_running_loop().time()
        await link_to(ward).accept(report())
        return asyncio.get_running_loop().time() - started_s

    ward = Ward(trouble, trouble)
    assert run_with_jumps(scene()) >= 2 * PAUSE_S
    assert ward.accepted == [report()]
    assert ward.looks == 3  # a hub that is back has another handle


def test_a_hub_that_hangs_is_asked_again_and_open_events_come_from_the_new_one() -> (
    None
):
    async def scene() -> tuple[list[ActionEvent], float]:
        started_s = asyncio.get_running_loop().time()
        events = await link_to(ward).open_events(("bed-4", "bed-5"))
        return events, asyncio.get_running_loop().time() - started_s

    ward = Ward(TimeoutError())
    events, waited_s = run_with_jumps(scene())
    assert [it.subject_id for it in events] == ["bed-4", "bed-5"]
    assert PATIENCE_S <= waited_s < 2 * PATIENCE_S
    assert ward.looks == 2


def test_what_the_hub_refuses_is_logged_with_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusal = raised_over_there(OSError(28, "No space left on device"))
    run_with_jumps(link_to(Ward(refusal)).accept(report()))
    assert caplog.messages == [
        "hub: [Errno 28] No space left on device; trying again",
    ]


@pytest.mark.parametrize(("failures", "is_taken"), [(3, True), (4, False)])
def test_a_clip_is_sent_a_few_times_and_then_given_up(
    failures: int, is_taken: bool
) -> None:
    troubles = [ValueError("no actor"), RayActorError(), TimeoutError()]
    ward = Ward(*(troubles * 2)[:failures])
    assert run_with_jumps(link_to(ward).keep_clip(clip())) is is_taken
    assert ward.looks == CLIP_TRIES
    assert len(ward.clips) == is_taken
