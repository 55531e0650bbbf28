"""The client of recognition: answers, errors, and replicas that die or are busy."""

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, final

import numpy as np
import pytest
from ray.exceptions import RayActorError, RayError
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
)

from pipelines.recognition import ClipScores
from pipelines.records import Clip
from services.recognition.deployment import ServedRecognizer
from tests.fakes import ColourRecognizer
from tests.jumping_time import run_with_jumps
from tests.services.supervisor.cluster_rig import Method, raised_over_there

INFO = ColourRecognizer().info
PATIENCE_S, PAUSE_S = 30.0, 0.2


def pictures(count: int) -> np.ndarray:
    """Return pictures of which each has a colour of its own."""
    shades = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(shades, (count, 8, 8, 3)).copy()


def clip(subject: str) -> Clip:
    features = np.zeros((2, 3), np.float32)
    return Clip(subject, 0, 1, features, (0, 1), None, None, 0, partial=False)


@final
class Replicas:
    """A deployment's handle; what it does for each request is given.

    Attributes:
        connections: Application of every handle that was asked for.
        asked: How many pictures or clips each request had.
        most_at_once: The most requests that waited at the same time.
    """

    def __init__(self, *troubles: Exception | None) -> None:
        self._troubles = list(troubles)
        self._recognizer = ColourRecognizer()
        self._waiting = 0
        self.connections: list[str] = []
        self.asked: list[int] = []
        self.most_at_once = 0

    def __reduce__(self) -> NoReturn:
        raise TypeError("a handle belongs to one process")  # noqa: EM101  for a test

    def connect(self, app: str) -> "Replicas":
        self.connections.append(app)
        return self

    @property
    def encode(self) -> Method:
        return Method(lambda frames: self._answer(self._recognizer.encode, frames))

    @property
    def classify(self) -> Method:
        return Method(lambda clips: self._answer(self._recognizer.classify, clips))

    async def _answer(
        self, work: Callable[[Any], Awaitable[Any]], request: Sequence[object]
    ) -> object:
        self.asked.append(len(request))
        self._waiting += 1
        self.most_at_once = max(self.most_at_once, self._waiting)
        try:
            trouble = self._troubles.pop(0) if self._troubles else None
            if isinstance(trouble, TimeoutError):
                await asyncio.Event().wait()  # no answer comes
            if trouble is not None:
                raise trouble
            await asyncio.sleep(0.1)
            return await work(request)
        finally:
            self._waiting -= 1


def test_many_pictures_are_small_requests_at_once_and_features_keep_their_order() -> (
    None
):
    replicas = Replicas()
    recognizer = ServedRecognizer(INFO, "ward", replicas.connect)
    features = run_with_jumps(recognizer.encode(pictures(40)))
    assert features[:, 0].tolist() == list(range(40))
    assert replicas.asked == [16, 16, 8]
    assert replicas.most_at_once == 3
    assert replicas.connections == ["ward"]


def test_clips_are_scored_in_the_given_order() -> None:
    async def scene() -> ClipScores:
        recognizer = ServedRecognizer(INFO, "ward", Replicas().connect)
        return await recognizer.classify([clip("a"), clip("b")])

    assert run_with_jumps(scene()).probabilities.shape == (2, len(INFO.labels))


@pytest.mark.parametrize(
    "trouble",
    [
        RayActorError(),
        DeploymentUnavailableError(DeploymentID("recognizer", "ward")),
        BackPressureError(9, 8),
    ],
    ids=["replica dead", "no replica", "queue full"],
)
def test_a_request_is_sent_again_until_a_replica_answers(
    trouble: RayError | RayServeException, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> tuple[np.ndarray, float]:
        started_s = asyncio.get_running_loop().time()
        features = await recognizer.encode(pictures(2))
        return features, asyncio.get_running_loop().time() - started_s

    replicas = Replicas(trouble, trouble, trouble)
    recognizer = ServedRecognizer(INFO, "ward", replicas.connect)
    features, waited_s = run_with_jumps(scene())
    assert features[:, 0].tolist() == [0, 1]
    assert replicas.asked == [2] * 4
    assert replicas.connections == ["ward"]
    assert waited_s >= 3 * PAUSE_S  # replicas are not asked without a pause
    name = type(trouble).__name__
    assert caplog.messages == [f"recognizer: {name}; asking again"] * 3


def test_a_request_without_an_answer_is_given_up_and_sent_again() -> None:
    async def scene() -> float:
        started_s = asyncio.get_running_loop().time()
        await recognizer.encode(pictures(2))
        return asyncio.get_running_loop().time() - started_s

    replicas = Replicas(TimeoutError())
    recognizer = ServedRecognizer(INFO, "ward", replicas.connect)
    assert PATIENCE_S <= run_with_jumps(scene()) < 2 * PATIENCE_S
    assert replicas.asked == [2, 2]
    assert replicas.most_at_once == 1  # the first was cancelled


def test_a_request_that_is_itself_at_fault_is_not_sent_again() -> None:
    replicas = Replicas(raised_over_there(ValueError("pictures of another size")))
    recognizer = ServedRecognizer(INFO, "ward", replicas.connect)
    with pytest.raises(RayError, match=r"pictures of another size"):
        run_with_jumps(recognizer.encode(pictures(2)))
    assert replicas.asked == [2]


def test_a_deployment_that_is_not_there_yet_is_looked_for_again() -> None:
    replicas, looks = Replicas(), list[str]()

    def connect(app: str) -> Replicas:
        looks.append(app)
        if len(looks) < 3:
            raise RayServeException(app)
        return replicas

    recognizer = ServedRecognizer(INFO, "ward", connect)
    run_with_jumps(recognizer.encode(pictures(2)))
    assert looks == ["ward"] * 3
    assert replicas.asked == [2]


SHARED = Replicas()


def connect_to_shared(app: str) -> Replicas:
    return SHARED.connect(app)


def test_a_client_that_was_used_travels_without_its_handle() -> None:
    used = ServedRecognizer(INFO, "ward", connect_to_shared)
    run_with_jumps(used.encode(pictures(1)))
    there = pickle.loads(pickle.dumps(used))
    assert there.info == INFO
    run_with_jumps(there.encode(pictures(2)))
    assert SHARED.connections == ["ward", "ward"]
    assert SHARED.asked == [1, 2]
