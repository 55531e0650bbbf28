import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.clip.encoder import load_clip
from models.clip.new_checkpoint import save_checkpoint, small_clip, small_tokenizer
from models.prompts.prompt_file import bundled_prompt_set
from models.recognizer import ClipRecognizer
from models.window import Window
from pipelines.in_process import InProcessRecognizer
from pipelines.recognition import ActionRecognizer
from pipelines.records import Clip


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> ClipRecognizer:
    folder: Path = tmp_path_factory.mktemp("checkpoint") / "tiny"
    model = small_clip(
        seed=0, image_size_px=32, vision_layers=2, text_layers=1, vision_width=48
    )
    save_checkpoint(model, small_tokenizer(), folder)
    return ClipRecognizer(load_clip(folder), bundled_prompt_set())


@pytest.fixture
def recognizer(core: ClipRecognizer) -> Iterator[InProcessRecognizer]:
    with InProcessRecognizer(core) as recognizer:
        yield recognizer


def pictures(count: int, size_px: int = 32) -> np.ndarray:
    random = np.random.default_rng(count)
    return random.integers(0, 256, (count, size_px, size_px, 3), np.uint8)


def clip_of(features: np.ndarray) -> Clip:
    return Clip(
        subject_id="bed-1",
        start_ns=0,
        end_ns=1,
        features=features,
        slots=tuple(range(len(features))),
        imu=None,
        imu_rate_hz=None,
        missing_frames=0,
        partial=False,
    )


def test_it_is_what_the_chain_asks_for(recognizer: InProcessRecognizer) -> None:
    chain_side: ActionRecognizer = recognizer
    info = chain_side.info
    assert info.model == "tiny"
    assert info.prompt_set == bundled_prompt_set().id
    assert info.labels == bundled_prompt_set().labels
    assert info.events["fallen"] == "fall"
    assert info.image_size_px == 32


def test_answers_are_those_of_the_models(
    core: ClipRecognizer, recognizer: InProcessRecognizer
) -> None:
    async def run() -> None:
        frames = pictures(4)
        features = await recognizer.encode(frames)
        np.testing.assert_allclose(features, core.encode(frames), atol=1e-6)
        clips = [clip_of(features), clip_of(features[:1])]
        scores = await recognizer.classify(clips)
        windows = [Window(features, range(4)), Window(features[:1], range(1))]
        expected = core.classify(windows)
        np.testing.assert_allclose(scores.probabilities, expected[0], atol=1e-6)
        np.testing.assert_allclose(scores.cosines, expected[1], atol=1e-6)
        assert scores.modalities == ("video", "video")

    asyncio.run(run())


def test_event_loop_turns_while_pictures_are_encoded(
    recognizer: InProcessRecognizer,
) -> None:
    async def run() -> None:
        encoding = asyncio.create_task(recognizer.encode(pictures(128)))
        turns = 0
        while not encoding.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 10

    asyncio.run(run())


def test_calls_at_once_are_answered_each_with_its_own(
    core: ClipRecognizer, recognizer: InProcessRecognizer
) -> None:
    async def run() -> None:
        batches = [pictures(count) for count in (1, 2, 3)]
        answers = await asyncio.gather(*map(recognizer.encode, batches))
        for answer, batch in zip(answers, batches, strict=True):
            np.testing.assert_allclose(answer, core.encode(batch), atol=1e-6)

    asyncio.run(run())


def test_pictures_of_another_size_are_refused(recognizer: InProcessRecognizer) -> None:
    with pytest.raises(ValueError, match=r"^pictures of 64x64 pixels, expected 32x32$"):
        asyncio.run(recognizer.encode(pictures(1, 64)))


def test_thread_ends_with_the_block(core: ClipRecognizer) -> None:
    with InProcessRecognizer(core) as recognizer:
        asyncio.run(recognizer.encode(pictures(1)))
        assert any(
            t.name.startswith(("encode", "classify")) for t in threading.enumerate()
        )
    assert not any(
        t.name.startswith(("encode", "classify")) for t in threading.enumerate()
    )
