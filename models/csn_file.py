"""What an adaptation of the kind ``csn`` keeps: offsets of features, and labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from models.adaptation import Adaptation, write_adaptation
from models.clip import ClipEncoder
from models.csn import FeatureNoise
from models.errors import CheckpointError


def save_csn(
    path: Path, noise: FeatureNoise, clip: ClipEncoder, labels: Sequence[str]
) -> None:
    """Write noise.

    Args:
        path: Overwritten.
        noise: What is kept of it are offsets and bound.
        clip: The checkpoint whose features it was trained on.
        labels: The text bank's, in its order.

    Raises:
        CheckpointError: If it cannot be written.
        ValueError: If the labels are not as many as the offsets.
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
    """Make noise of what a file holds.

    Args:
        kept: Of this kind.
        labels: The text bank's, in its order.
        text_bank: A vector of any norm for each label.

    Raises:
        CheckpointError: If it is damaged, or was trained for other labels.
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
