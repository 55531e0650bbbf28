"""Calibration: make a confidence equal how often the answer is right.

    scaled cosines ÷ temperature ─▶ softmax ─▶ confidence

A calibration holds a temperature and a floor for the raw cosine, below which no label
fits. One is fitted for each checkpoint, prompt set and modality, on labelled clips.
They are stored in ``calibration.json`` beside the checkpoint under the hashes of
checkpoint and prompt set, so that new weights, new wordings or another modality count
as uncalibrated until they are fitted. Sources: Guo et al. 2017, arXiv:1706.04599; for
CLIP, Tu et al. 2024, arXiv:2402.07417.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jaxtyping import Float, Int64
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from models.errors import CalibrationError
from models.window import Modality

CALIBRATION_NAME = "calibration.json"
BINS = 15
"""Number of confidence bins of equal width, as in Guo et al. 2017."""

_VERSION = 2
_FLOOR_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted calibration.

    Attributes:
        temperature: Divides the scaled cosines; a value above one lowers confidence.
        cosine_floor: Lowest plausible best cosine: the 1 % quantile, over the labelled
            clips, of each clip's highest cosine.
        clips: Number of clips that it was fitted on.

    Raises:
        ValueError: If a value is out of its range.
    """

    temperature: float
    cosine_floor: float
    clips: int

    def __post_init__(self) -> None:
        if not 0.0 < self.temperature < float("inf"):
            msg = f"temperature {self.temperature}, expected above 0 and finite"
            raise ValueError(msg)
        if not -1.0 <= self.cosine_floor <= 1.0:
            msg = f"cosine_floor {self.cosine_floor}, expected -1 to 1"
            raise ValueError(msg)
        if self.clips < 1:
            msg = f"{self.clips} clips, expected at least one"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Bin:
    """Clips of similar confidence: their count, mean confidence and accuracy."""

    clips: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far confidence and accuracy differ.

    Attributes:
        bins: The non-empty ones of ``BINS`` confidence bins, lowest first.
        ece: Expected calibration error: the mean difference, weighted by clips.
        brier: Mean squared distance of the probabilities from the truth, 0 to 2.
    """

    bins: tuple[Bin, ...]
    ece: float
    brier: float


def fit_calibration(
    logits: Float[np.ndarray, "clip label"],
    cosines: Float[np.ndarray, "clip label"],
    labels: Int64[np.ndarray, " clip"],
) -> Calibration:
    """Fit a temperature and a cosine floor on labelled clips.

    The temperature maximises the likelihood of the labels.

    Logits are scaled cosines, before any temperature.

    Raises:
        ValueError: If there is no clip.
    """
    if len(labels) == 0:
        msg = "no labelled clip to fit on"
        raise ValueError(msg)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        likelihoods = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(likelihoods[rows, labels].mean())

    fitted = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), method="bounded")
    return Calibration(
        temperature=float(np.exp(fitted.x)),
        cosine_floor=float(np.quantile(cosines.max(axis=1), _FLOOR_SHARE)),
        clips=len(labels),
    )


def measure_reliability(
    probabilities: Float[np.ndarray, "clip label"], labels: Int64[np.ndarray, " clip"]
) -> Reliability:
    """Compare confidence with accuracy.

    Raises:
        ValueError: If there is no clip.
    """
    if len(labels) == 0:
        msg = "no labelled clip to measure on"
        raise ValueError(msg)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(int(held.sum()), float(confidence[held].mean()), float(right[held].mean()))
        for held in (places == place for place in range(BINS))
        if held.any()
    )
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(labels)), labels] = 1
    gaps = sum(each.clips * abs(each.confidence - each.accuracy) for each in bins)
    return Reliability(
        bins=bins,
        ece=gaps / len(labels),
        brier=float(((probabilities - truth) ** 2).sum(axis=1).mean()),
    )


def read_calibrations(
    path: Path, checkpoint: str, prompt_set: str
) -> dict[Modality, Calibration]:
    """Return a file's calibrations for a checkpoint and a prompt set, by modality.

    A missing file has none. Checkpoint and prompt set are named by their hashes.

    Raises:
        CalibrationError: If the file is damaged.
    """
    entry = _read_entries(path).get(_key(checkpoint, prompt_set), {})
    known = get_args(Modality)
    try:
        if not isinstance(entry, dict) or not entry.keys() <= set(known):
            msg = f"expected an entry with some of {', '.join(known)}"
            raise ValueError(msg)
        return {modality: Calibration(**fitted) for modality, fitted in entry.items()}
    except (TypeError, ValueError) as err:
        raise CalibrationError(str(path), str(err)) from err


def write_calibration(
    path: Path,
    checkpoint: str,
    prompt_set: str,
    modality: Modality,
    calibration: Calibration,
) -> None:
    """Add or replace one calibration in a file, and keep the others.

    Raises:
        CalibrationError: If the file is damaged or cannot be written.
    """
    kept = read_calibrations(path, checkpoint, prompt_set)
    fitted = {**kept, modality: calibration}
    entries = {
        **_read_entries(path),
        _key(checkpoint, prompt_set): {
            name: asdict(each) for name, each in fitted.items()
        },
    }
    text = json.dumps({"version": _VERSION, "entries": entries}, indent=2) + "\n"
    part = path.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as err:
        raise CalibrationError(str(path), err.strerror or "cannot be written") from err


def _key(checkpoint: str, prompt_set: str) -> str:
    return f"{checkpoint} {prompt_set}"


def _read_entries(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, RecursionError, ValueError) as err:
        raise CalibrationError(str(path), f"cannot be read: {err}") from err
    entries = content.get("entries") if isinstance(content, dict) else None
    known = isinstance(content, dict) and content.get("version") == _VERSION
    if not known or not isinstance(entries, dict):
        problem = (
            f"expected an object with version {_VERSION} and entries; without the file,"
            " wardwatch model calibrate makes one"
        )
        raise CalibrationError(str(path), problem)
    return entries
