"""What fails or stops harms nobody else and leaves nothing behind."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing

import pytest

from pipelines.errors import SourceError, SourceNotFound
from pipelines.live.subject import Item, Record, Subject
from pipelines.live.watch import Watch
from pipelines.records import ActionEvent, Frame, Prediction, SourceStatus
from tests.fakes import ColourRecognizer, FakeClock, colour_frames, forever, play

LOST = SourceError("rtsp://ward/4", "the camera closed the connection")


def watch_of(*subjects: Subject) -> Watch:
    return Watch(subjects, ColourRecognizer(), FakeClock(start_ns=77))


def reported(*subjects: Subject) -> list[Record]:
    async def scene() -> list[Record]:
        return [record async for record in watch_of(*subjects).records()]

    return asyncio.run(scene())


def of_subject(records: list[Record], subject_id: str) -> list[Record]:
    return [
        record
        for record in records
        if not isinstance(record, SourceStatus) and record.subject_id == subject_id
    ]


def test_a_camera_that_fails_is_reported_and_harms_no_other_subject() -> None:
    def other() -> Subject:
        return Subject("bed-5", play(colour_frames("bed-5", "wwwwwwlllll")))

    failing = play([*colour_frames("bed-4", "lllll"), LOST])
    records = reported(Subject("bed-4", failing), other())
    assert of_subject(records, "bed-5") == reported(other())
    (status,) = [record for record in records if isinstance(record, SourceStatus)]
    assert (*status.source, status.state) == ("bed-4", "camera", "offline")
    assert status.reason == "rtsp://ward/4: the camera closed the connection"
    assert status.since_ns == 77


def test_a_fall_that_the_camera_no_longer_sees_is_not_ended() -> None:
    records = reported(
        Subject("bed-4", play([*colour_frames("bed-4", "lllll"), LOST])),
        Subject("bed-5", play(colour_frames("bed-5", "w" * 20))),
    )
    states = [
        record.state
        for record in of_subject(records, "bed-4")
        if isinstance(record, ActionEvent)
    ]
    assert states == ["started"]


def test_the_error_of_an_only_subject_reaches_the_caller() -> None:
    with pytest.raises(SourceError, match=r"^rtsp://ward/4: the camera closed"):
        reported(Subject("bed-4", play([*colour_frames("bed-4", "ww"), LOST])))


def test_so_does_the_error_of_its_wearable() -> None:
    frames = colour_frames("bed-4", "wwww")
    with pytest.raises(SourceError, match=r"^rtsp://ward/4: the camera closed"):
        reported(Subject("bed-4", play(frames), play([LOST])))


def test_the_error_of_the_last_subject_left_reaches_the_caller() -> None:
    missing = SourceNotFound("b.mp4", "no such file")
    seen = list[Record]()

    async def scene() -> None:
        frames = colour_frames("bed-5", "www")
        chain = watch_of(
            Subject("bed-4", play([LOST])), Subject("bed-5", play([*frames, missing]))
        )
        async for record in chain.records():
            seen.append(record)

    with pytest.raises(SourceNotFound, match=r"^b\.mp4: no such file$"):
        asyncio.run(scene())
    assert sum(isinstance(record, Prediction) for record in seen) == 3


def test_a_wearable_that_fails_leaves_its_camera_on() -> None:
    records = reported(
        Subject("bed-4", play(colour_frames("bed-4", "wwww")), play([LOST])),
        Subject("bed-5", play(colour_frames("bed-5", "w"))),
    )
    predictions = [
        record
        for record in of_subject(records, "bed-4")
        if isinstance(record, Prediction)
    ]
    assert len(predictions) == 4
    (status,) = [record for record in records if isinstance(record, SourceStatus)]
    assert (*status.source, status.state) == ("bed-4", "imu", "offline")


def test_a_subject_ends_with_its_camera_though_its_wearable_goes_on() -> None:
    camera = play(colour_frames("bed-4", "wwww"))
    records = reported(Subject("bed-4", camera, forever()))
    assert sum(isinstance(record, Prediction) for record in records) == 4


def test_a_silent_camera_holds_no_other_subject_back() -> None:
    async def scene() -> int:
        chain = watch_of(
            Subject("bed-4", forever()),
            Subject("bed-5", play(colour_frames("bed-5", "wwww"))),
        )
        async with aclosing(chain.records()) as records:
            return [type(await anext(records)).__name__ for _ in range(6)].count(
                "Prediction"
            )

    assert asyncio.run(scene()) == 4


def others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def test_cancelling_leaves_no_task_and_stops_the_sources() -> None:
    stopped = list[str]()

    async def source(name: str) -> AsyncGenerator[Item, None]:
        try:
            for frame in colour_frames(name, "ww"):
                yield frame
            await asyncio.Event().wait()
        finally:
            stopped.append(name)

    async def scene() -> None:
        both = asyncio.Event()

        async def consume() -> None:
            chain = watch_of(
                Subject("bed-4", source("bed-4")), Subject("bed-5", source("bed-5"))
            )
            seen = 0
            async for record in chain.records():
                seen += isinstance(record, Prediction)
                if seen == 4:
                    both.set()

        task = asyncio.create_task(consume())
        await both.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert others() == set()

    asyncio.run(scene())
    assert sorted(stopped) == ["bed-4", "bed-5"]


def test_closing_early_leaves_no_task() -> None:
    async def scene() -> None:
        frames = colour_frames("bed-4", "wwww")
        chain = watch_of(Subject("bed-4", forever(*frames), forever()))
        async with aclosing(chain.records()) as records:
            async for _ in records:
                assert others() != set()  # the wearable is waited for
                break
        assert others() == set()

    asyncio.run(scene())


def test_a_recording_is_not_read_ahead_of_what_was_reported() -> None:
    given = list[Frame]()

    async def recording() -> AsyncGenerator[Item, None]:
        for frame in colour_frames("bed-4", "w" * 10):
            given.append(frame)
            yield frame

    async def scene() -> None:
        chain = watch_of(Subject("bed-4", recording()))
        predicted = 0
        async for record in chain.records():
            predicted += isinstance(record, Prediction)
            assert len(given) == predicted or predicted == 10

    asyncio.run(scene())
    assert len(given) == 10


class FailingRecognizer:
    """A served recogniser whose service is gone."""

    info = ColourRecognizer().info

    async def encode(self, frames: object) -> object:
        msg = "the service is gone"
        raise ConnectionError(msg)

    classify = encode


def test_a_recogniser_that_fails_reaches_the_caller_and_leaves_no_task() -> None:
    async def scene() -> None:
        cameras: list[AsyncIterable[Item]] = [
            forever(*colour_frames("bed-4", "w")),
            forever(),
        ]
        subjects = [Subject(f"bed-{4 + n}", camera) for n, camera in enumerate(cameras)]
        chain = Watch(subjects, FailingRecognizer(), FakeClock())  # type: ignore[arg-type]
        with pytest.raises(ConnectionError, match=r"^the service is gone$"):
            await anext(chain.records())
        assert others() == set()

    asyncio.run(scene())
