"""Subjects that come and go while the others are watched."""

import asyncio
from contextlib import aclosing

import pytest

from pipelines.live.inference import ReuseSettings
from pipelines.live.subject import Record, Subject, WatchSettings
from pipelines.live.watch import Watch
from pipelines.records import ActionEvent, Frame, Prediction, SourceStatus
from tests.fakes import ColourRecognizer, FakeClock, colour_frames, forever, play


def empty_watch() -> Watch:
    settings = WatchSettings(reuse=ReuseSettings(difference_luma=0))
    return Watch([], ColourRecognizer(), FakeClock(), settings, stays=True)


async def first_predictions(chain: Watch, wanted: int, told: list[Record]) -> None:
    async with aclosing(chain.records()) as records:
        async for record in records:
            told.append(record)
            wanted -= isinstance(record, Prediction)
            if not wanted:
                return


def test_a_subject_that_comes_later_is_watched() -> None:
    async def scene() -> list[Record]:
        chain, told = empty_watch(), list[Record]()
        watching = asyncio.create_task(first_predictions(chain, 3, told))
        await asyncio.sleep(0)  # it waits now, with nobody to watch
        chain.add(Subject("bed-4", play(colour_frames("bed-4", "www"))))
        await watching
        return told

    assert len([it for it in asyncio.run(scene()) if isinstance(it, Prediction)]) == 3


def test_a_subject_that_went_can_come_again() -> None:
    async def scene() -> list[Record]:
        chain, told = empty_watch(), list[Record]()
        chain.add(Subject("bed-4", forever()))
        await chain.drop("bed-4")
        chain.add(Subject("bed-4", play(colour_frames("bed-4", "w"))))
        await first_predictions(chain, 1, told)
        return told

    assert len(asyncio.run(scene())) == 1


def test_a_dropped_subject_wakes_a_chain_that_waits() -> None:
    async def scene() -> None:
        chain, told = empty_watch(), list[Record]()
        chain.add(Subject("bed-4", forever()))
        watching = asyncio.create_task(first_predictions(chain, 1, told))
        await asyncio.sleep(0)
        await chain.drop("bed-4")
        chain.add(Subject("bed-5", play(colour_frames("bed-5", "w"))))
        await watching
        assert {it.subject_id for it in told if isinstance(it, Prediction)} == {"bed-5"}

    asyncio.run(scene())


def test_two_subjects_cannot_have_one_id() -> None:
    async def scene() -> None:
        chain = empty_watch()
        chain.add(Subject("bed-4", forever()))
        with pytest.raises(ValueError, match=r"two are 'bed-4'$"):
            chain.add(Subject("bed-4", forever()))

    asyncio.run(scene())


def test_the_last_ones_failure_ends_no_chain_that_stays() -> None:
    async def scene() -> list[Record]:
        chain = empty_watch()
        chain.add(Subject("bed-4", play([ConnectionError("gone")])))
        async with aclosing(chain.records()) as records:
            failure = await anext(records)
            chain.add(Subject("bed-5", play(colour_frames("bed-5", "w"))))
            return [failure, await anext(records)]

    failure, prediction = asyncio.run(scene())
    assert isinstance(failure, SourceStatus)
    assert failure.state == "offline"
    assert isinstance(prediction, Prediction)


def test_an_open_episode_keeps_its_id_in_another_process() -> None:
    lying = colour_frames("bed-4", "l" * 20)

    async def events(frames: list[Frame], *before: ActionEvent) -> list[ActionEvent]:
        chain, told = empty_watch(), list[Record]()
        chain.add(Subject("bed-4", forever(*frames), open_events=before))
        await first_predictions(chain, len(frames), told)
        return [it for it in told if isinstance(it, ActionEvent)]

    (before,) = asyncio.run(events(lying[:10]))
    up = colour_frames("bed-4", "l" * 4 + "w" * 20, first_tick=20)
    falls = [it for it in asyncio.run(events(up, before)) if it.name == "fall"]
    assert [(it.event_id, it.state) for it in falls] == [(before.event_id, "ended")]


def test_a_dropped_subject_leaves_nothing_that_a_later_one_of_its_name_is_lent() -> (
    None
):
    async def scene() -> list[int]:
        recognizer = ColourRecognizer()
        chain = Watch([], recognizer, FakeClock(), stays=True)
        for _ in range(2):  # the same picture, twice
            chain.add(Subject("bed-4", play(colour_frames("bed-4", "w"))))
            await first_predictions(chain, 1, [])
            await chain.drop("bed-4")
        return recognizer.encoded_batches

    assert asyncio.run(scene()) == [1, 1]
