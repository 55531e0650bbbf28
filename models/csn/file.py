"""Read and write adaptations of kind ``csn``: feature offsets and their labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from models.adaptation import Adaptation, write_adaptation
from models.clip.encoder import ClipEncoder
from models.csn.noise import FeatureNoise
from models.errors import CheckpointError


def save_csn(
    path: Path, noise: FeatureNoise, clip: ClipEncoder, labels: Sequence[str]
) -> None:
    """Write noise to an adaptation file.

    The labels are in the order of the text bank.

    Raises:
        CheckpointError: If the file cannot be written.
        ValueError: If the number of labels and offsets differ.
    """
    if len(labels) != len(noise.offsets):
        msg = f"{len(labels)} labels for {len(noise.offsets)} offsets"
        raise ValueError(msg)
    facts = {"labels": list(labels), "epsilon": noise.epsilon}
    offsets = torch.tensor(noise.offsets)
    write_adaptation(path, "csn", clip, facts, {"offsets": offsets})


def csn_of(
    kept: Adaptation,
    labels: Sequence[str],
    text_bank: Float32[np.ndarray, "label dim"],
) -> FeatureNoise:
    """Build noise from an adaptation.

    The labels are in the order of the text bank.

    Raises:
        CheckpointError: If the file is damaged, or was trained for other labels.
    """
    if kept.facts.get("labels") != list(labels):
        problem = "was trained for other labels than the prompt set's"
        raise CheckpointError(str(kept.path), problem)
    offsets = torch.zeros(text_bank.shape)
    kept.fill({"offsets": offsets})
    try:
        return FeatureNoise(
            offsets.numpy(), text_bank, epsilon=float(kept.facts["epsilon"])
        )
    except (KeyError, TypeError, ValueError) as err:
        raise kept.damaged(err) from err
