"""A file that keeps a wearable's upward direction across restarts."""

import json
import logging
import os
from dataclasses import asdict
from pathlib import Path
from typing import final

from pipelines.sources.wearable.upright import LearntUp, UprightEstimator

logger = logging.getLogger(__name__)


@final
class UprightKeeper:
    """Restores what one wearable's estimator has learnt, and saves it.

    Args:
        path: File to keep it in, which need not exist; None keeps nothing.
        device: The wearable. What was learnt of another one is not used.
    """

    def __init__(self, path: Path | None, device: str) -> None:
        self._path, self._device = path, device
        self.estimator = UprightEstimator(self._read())
        self._saved = self.estimator.learnt
        self._was_learnt = self.estimator.is_learnt

    def keep(self) -> None:
        """Save what was learnt since the last time; log a failure."""
        learnt = self.estimator.learnt
        if self.estimator.is_learnt and not self._was_learnt:
            self._was_learnt = True
            logger.info("%s: wearable: orientation learnt", self._device)
        if self._path is None or learnt == self._saved:
            return
        part = self._path.with_suffix(f".{os.getpid()}.part")
        content = {"device": self._device, "learnt": asdict(learnt)}
        try:
            part.write_text(json.dumps(content), encoding="utf-8")
            part.replace(self._path)
        except OSError as err:
            problem = err.strerror or "cannot be written"
            logger.warning("%s: %s; the orientation is not saved", self._path, problem)
            return
        self._saved = learnt

    def _read(self) -> LearntUp | None:
        """Return what was saved of this device; log a damaged file in one line."""
        if self._path is None:
            return None
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            device, learnt = content["device"], LearntUp(**content["learnt"])
        except FileNotFoundError:
            return None
        except (OSError, RecursionError, ValueError, LookupError, TypeError) as err:
            problem = f"damaged ({type(err).__name__}); the orientation is learnt again"
            logger.warning("%s: %s", self._path, problem)
            return None
        return learnt if device == self._device else None
