"""Watching many is the same, for each of them, as watching each alone."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.live.subject import Item, Record, Subject
from pipelines.live.watch import Watch
from pipelines.records import Prediction, SourceStatus
from tests.fakes import ColourRecognizer, FakeClock, colour_frames

pytestmark = pytest.mark.slow

row_drawn = st.text("wfle.", max_size=25)
pauses_drawn = st.lists(st.integers(0, 6), min_size=1, max_size=5)
wards_drawn = st.lists(st.tuples(row_drawn, pauses_drawn), min_size=1, max_size=4)
Ward = list[tuple[str, list[int]]]


async def hesitant(
    name: str, row: str, pauses: list[int]
) -> AsyncGenerator[Item, None]:
    """Give the frames of a row, some turns of the loop apart."""
    for count, frame in enumerate(colour_frames(name, row)):
        for _ in range(pauses[count % len(pauses)]):
            await asyncio.sleep(0)
        yield frame


def reported(ward: dict[str, tuple[str, list[int]]]) -> tuple[list[Record], int]:
    """Return what is reported, and how many pictures were encoded."""
    recognizer = ColourRecognizer()
    subjects = [Subject(name, hesitant(name, *ward[name])) for name in ward]

    async def scene() -> list[Record]:
        chain = Watch(subjects, recognizer, FakeClock())
        return [record async for record in chain.records()]

    return asyncio.run(scene()), sum(recognizer.encoded_batches)


@settings(deadline=None, max_examples=60)
@given(ward=wards_drawn)
def test_each_subject_has_the_records_that_it_has_alone(ward: Ward) -> None:
    named = {f"bed-{number}": each for number, each in enumerate(ward)}
    together, _ = reported(named)
    for name, each in named.items():
        alone, _ = reported({name: each})
        mine = [
            record
            for record in together
            if not isinstance(record, SourceStatus) and record.subject_id == name
        ]
        assert mine == alone


@settings(deadline=None, max_examples=60)
@given(ward=wards_drawn)
def test_every_frame_is_encoded_once_and_every_stream_is_answered(ward: Ward) -> None:
    named = {f"bed-{number}": each for number, each in enumerate(ward)}
    records, encoded = reported(named)
    assert encoded == sum(len(row) - row.count(".") for row, _ in ward)
    answered = {r.subject_id for r in records if isinstance(r, Prediction)}
    assert answered == {name for name, (row, _) in named.items() if row.strip(".")}
