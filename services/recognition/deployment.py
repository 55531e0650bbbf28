"""Recognition as a Ray Serve deployment, and the client of it for other processes.

    watchers ──frames due at a tick──▶ replica: batches over watchers ──▶ features

``ServedRecognizer`` is an ``ActionRecognizer`` like the one in the chain's own process.
In addition it asks again when a replica dies.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, final

import numpy as np
from jaxtyping import Float32, UInt8
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.schema import LoggingConfig

from models.bundled import NO_ADAPTATION
from models.clip.card import View
from models.clip.picture_tower import Backend
from models.person.files import check_files
from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import Clip
from services.site.settings import Site
from services.supervisor.ray_node import bind_replica_to_loopback

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer

logger = logging.getLogger(__name__)

DEPLOYMENT = "recognizer"
_PAUSE_S = 0.2
_PATIENCE_S = 30.0
_BATCHED_PICTURES, _BATCHED_REQUESTS = 16, 8
"""As large as a CPU is quick with: while a replica computes one batch, the watchers
that have their answers prepare the next."""
_BATCH_WAIT_S = 0.0
"""Requests that arrive while the model computes are one batch; a wait only delays."""
_ONGOING_REQUESTS = 64
_QUIET = LoggingConfig(log_level="WARNING", enable_access_log=False)
"""Otherwise each request logs a line."""


@dataclass(frozen=True, slots=True)
class RecognizerPlan:
    """The arguments of ``models.build.build_recognizer`` for a replica.

    Attributes:
        frames: Frames in a whole window.
        seconds: Length of a window.
        threads: Threads of the model in each replica.
        view: What the checkpoint looks at; None is what its card says.
        backend: What computes the picture tower.
    """

    model: str | None
    prompts: Path | None
    adaptation: Path | None
    calibration: Path | None
    temporal: Literal["clip", "single"]
    frames: int
    seconds: float
    device: str
    threads: int
    view: View | None
    backend: Backend = "auto"

    @classmethod
    def of(cls, site: Site) -> "RecognizerPlan":
        """Return the plan that a site's settings ask for."""
        settings = site.recognizer
        return cls(
            model=settings.model,
            prompts=settings.prompts and settings.prompts.absolute(),
            adaptation=_absolute_or_word(settings.adaptation),
            calibration=settings.calibration and settings.calibration.absolute(),
            temporal=settings.temporal,
            frames=site.windows.frames,
            seconds=site.windows.seconds,
            device=settings.device,
            threads=settings.threads or default_threads(settings.replicas),
            view=settings.view,
            backend=settings.backend,
        )

    def load(self) -> "ClipRecognizer":
        """Load the recogniser.

        Raises:
            ModelError: If a file cannot be used.
        """
        from models.build import build_recognizer

        return build_recognizer(
            self.model,
            self.prompts,
            temporal=self.temporal,
            frames=self.frames,
            seconds=self.seconds,
            adaptation=self.adaptation,
            calibration=self.calibration,
            device=self.device,
            view=self.view,
            backend=self.backend,
        )

    def try_out(self) -> bool:
        """Load what replicas and watchers will load, so that a mistake is one line.

        Returns:
            Whether it needs frames: a wearable alone is not enough.

        Raises:
            ModelError: If a file is missing or wrong.
        """
        recognizer = self.load()
        if recognizer.clip.card.view != "picture":
            check_files()
        return recognizer.scorer.needs_frames


def _absolute_or_word(adaptation: Path | None) -> Path | None:
    """Make a path absolute, since replicas run in other folders; keep ``none``."""
    if adaptation is None or adaptation == NO_ADAPTATION:
        return adaptation
    return adaptation.absolute()


def _pictures_in(requests: Sequence[UInt8[np.ndarray, "_batch ..."]]) -> int:
    return sum(map(len, requests))


class Recognizer:
    """One replica of the deployment."""

    def __init__(self, plan: RecognizerPlan) -> None:
        import torch

        from pipelines.in_process import InProcessRecognizer

        bind_replica_to_loopback()
        torch.set_num_threads(plan.threads)
        clip = plan.load()
        self._recognizer = InProcessRecognizer(clip)
        size = clip.clip.image_size_px
        self._test_picture = np.full((1, size, size, 3), 127, np.uint8)

    async def info(self) -> RecognizerInfo:
        """Return the labels, prompts and sizes of the model."""
        return self._recognizer.info

    @serve.batch(
        max_batch_size=_BATCHED_PICTURES,
        batch_wait_timeout_s=_BATCH_WAIT_S,
        batch_size_fn=_pictures_in,
    )
    async def encode(
        self, requests: list[UInt8[np.ndarray, "_batch height width 3"]]
    ) -> list[Float32[np.ndarray, "_batch ..."]]:
        """Encode the frames of several watchers in one batch."""
        features = await self._recognizer.encode(np.concatenate(requests))
        ends = np.cumsum([len(frames) for frames in requests])[:-1]
        return np.split(features, ends)

    @serve.batch(max_batch_size=_BATCHED_REQUESTS, batch_wait_timeout_s=_BATCH_WAIT_S)
    async def classify(self, requests: list[Sequence[Clip]]) -> list[ClipScores]:
        """Score the clips of several watchers in one batch."""
        scores = await self._recognizer.classify(list(chain(*requests)))
        ends = accumulate(map(len, requests), initial=0)
        rows = [slice(*pair) for pair in pairwise(ends)]
        return [
            ClipScores(
                scores.probabilities[own], scores.cosines[own], scores.modalities[own]
            )
            for own in rows
        ]

    async def check_health(self) -> None:
        """Encode a test picture; Ray Serve calls this regularly.

        Raises:
            RuntimeError: If the feature is not finite.
        """
        if not np.isfinite(await self._recognizer.encode(self._test_picture)).all():
            msg = "the model's feature of a test picture is not finite"
            raise RuntimeError(msg)


def deploy_recognizer(
    plan: RecognizerPlan,
    app: str,
    *,
    replicas: int,
    most_replicas: int | None,
    cpus: float,
    gpus: float,
) -> "ServedRecognizer":
    """Deploy replicas and wait until one answers.

    ``replicas`` is the smallest number; ``most_replicas`` the largest under load. Ray
    reserves ``cpus`` and ``gpus`` for each.

    Raises:
        ModelError: If the checkpoint or the prompt set cannot be used.
    """
    scaling: dict[str, Any] = {"num_replicas": replicas}
    if most_replicas is not None and most_replicas > replicas:
        scaling = {
            "autoscaling_config": {
                "min_replicas": replicas,
                "max_replicas": most_replicas,
                "target_ongoing_requests": 4,
            }
        }
    deployment = serve.deployment(
        name=DEPLOYMENT,
        max_ongoing_requests=_ONGOING_REQUESTS,
        health_check_period_s=2.0,
        health_check_timeout_s=20.0,
        graceful_shutdown_timeout_s=5.0,
        logging_config=_QUIET,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
        **scaling,
    )(Recognizer)
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    start_serve()
    handle = serve.run(deployment.bind(plan), name=app, route_prefix=None)
    return ServedRecognizer(handle.info.remote().result(), app)


def start_serve() -> None:
    """Start Ray Serve, or use the one that runs in the cluster."""
    serve.start(proxy_location="Disabled", logging_config=_QUIET)


def _connect(app: str) -> object:
    """Return this process's handle of the deployment."""
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    return serve.get_deployment_handle(DEPLOYMENT, app)


@final
class ServedRecognizer:
    """Client of the deployment, for any process of the cluster.

    ``connect`` returns a handle of the deployment in ``app``.
    """

    def __init__(
        self,
        info: RecognizerInfo,
        app: str,
        connect: Callable[[str], Any] = _connect,
    ) -> None:
        self.info, self._app, self._connect = info, app, connect
        self._handle: Any = None

    def __reduce__(self) -> tuple[type["ServedRecognizer"], tuple[object, ...]]:
        """Leave out the handle, which belongs to one process."""
        return ServedRecognizer, (self.info, self._app, self._connect)

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode each picture once; pictures may be of several subjects."""
        starts = range(0, len(frames), _BATCHED_PICTURES)
        asked = [
            self._ask("encode", frames[at : at + _BATCHED_PICTURES]) for at in starts
        ]
        return np.concatenate(cast("list[np.ndarray]", await asyncio.gather(*asked)))

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score clips in the given order; clips may be of several subjects."""
        return cast("ClipScores", await self._ask("classify", list(clips)))

    async def _ask(self, method: str, *arguments: object) -> object:
        """Ask until a replica answers, also if one dies meanwhile.

        Raises:
            RayTaskError: If the request itself fails.
        """
        while True:
            try:
                if self._handle is None:
                    self._handle = self._connect(self._app)
                asked = getattr(self._handle, method).remote(*arguments)
                return await asyncio.wait_for(asked, _PATIENCE_S)
            except RayTaskError:
                raise
            except (RayError, RayServeException, TimeoutError) as error:
                logger.warning("recognizer: %s; asking again", type(error).__name__)
                await asyncio.sleep(_PAUSE_S)


def default_threads(replicas: int) -> int:
    """Return this machine's number of cores per replica, 1 or more."""
    return max(1, (os.cpu_count() or 1) // replicas)
