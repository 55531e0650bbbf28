"""A yardstick for pose checkpoints: a small net on the joints' places themselves.

    poses, 8 a second ─▶ places in body sizes, moves ─▶ temporal convolutions ─▶ labels

It is trained on the same lives as the checkpoint, and no prompt can change its labels.
A checkpoint that is much worse than this net loses what the poses hold. The net is
causal: its answer at a step depends on that step and the four seconds before.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import pad, softmax

from models.person.pose_picture import HIPS, JOINTS
from models.prompts.prompt_set import Outcome
from models.reading import one_line
from pipelines.errors import TrainingError
from pipelines.folders import make_folder

NET_NAME = "vector-net.safetensors"
_FORMAT = "wardwatch vector net 1"
_WIDTH = 128
_SPREADS = (1, 2, 4, 8)  # steps between the taps of each layer
_TAPS = 3
_LONGEST_LOSS = 8  # steps for which a lost body keeps its last pose
_VALUES = 2 * len(JOINTS) + len(JOINTS) + 2 + 2 + 1 + 1
_FURTHEST, _MOVE_GAIN = 3.0, 4.0

REACH = 1 + (_TAPS - 1) * sum(_SPREADS)
"""Steps that an answer depends on."""


def pose_vectors(
    joints: Float32[np.ndarray, "run step 13 3"],
    found: Bool[np.ndarray, "run step"],
    sizes: Float32[np.ndarray, "run step"],
) -> Float32[np.ndarray, "run step value"]:
    """Return what the net sees of poses.

    The values of a step are the joints' places relative to the hips in body sizes, the
    joints' visibility, the move of the hips since the step before in body sizes, the
    hips' place in the picture, the body's size, and whether it was found. A lost body
    keeps its last pose for a second; then all values are zero.

    Args:
        joints: x, y and visibility of each joint, in lengths of the picture's side.
        found: Whether the body was found.
        sizes: Size of the body, as in ``PoseHistory``.
    """
    steps = np.arange(found.shape[1])
    latest = np.maximum.accumulate(np.where(found, steps, -_LONGEST_LOSS - 1), axis=1)
    known = steps - latest <= _LONGEST_LOSS
    rows = np.arange(len(found))[:, None]
    held = joints[rows, np.maximum(0, latest)].astype(np.float32)
    hips = held[:, :, HIPS, :2].mean(axis=2)
    scale = sizes[:, :, None, None]
    own = np.clip((held[..., :2] - hips[:, :, None]) / scale, -_FURTHEST, _FURTHEST)
    moves = np.diff(hips, axis=1, prepend=hips[:, :1]) / scale[:, :, 0]
    moves[:, 1:][~known[:, :-1]] = 0  # came into view
    values = np.concatenate(
        (
            own.reshape(*own.shape[:2], -1),
            held[..., 2],
            np.clip(_MOVE_GAIN * moves, -_FURTHEST, _FURTHEST),
            hips - 0.5,
            sizes[:, :, None],
            found[:, :, None],
        ),
        axis=2,
        dtype=np.float32,
    )
    values[~known] = 0
    return values


@final
class VectorNet(nn.Module):
    """Temporal convolutions over pose vectors.

    Args:
        events: The event of each label of its answers.
        outcomes: The labels that belong to their event only after another label.
    """

    def __init__(
        self, events: Mapping[str, str], outcomes: Mapping[str, Outcome]
    ) -> None:
        super().__init__()
        self.events, self.outcomes = dict(events), dict(outcomes)
        self.enter = nn.Conv1d(_VALUES, _WIDTH, 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(_WIDTH, _WIDTH, _TAPS, dilation=spread) for spread in _SPREADS
        )
        self.mixes = nn.ModuleList(nn.Conv1d(_WIDTH, _WIDTH, 1) for _ in _SPREADS)
        self.leave = nn.Conv1d(_WIDTH, len(self.events), 1)

    def forward(
        self, vectors: Float32[Tensor, "run step value"]
    ) -> Float[Tensor, "run step label"]:
        """Return the logits of each step's labels."""
        hidden = self.enter(vectors.transpose(1, 2))
        for spread, layer, mix in zip(_SPREADS, self.layers, self.mixes, strict=True):
            before = pad(hidden.relu(), ((_TAPS - 1) * spread, 0))
            hidden = hidden + mix(layer(before).relu())
        logits: Float[Tensor, "run step label"] = self.leave(hidden.relu())
        return logits.transpose(1, 2)

    def scores(
        self,
        joints: Float32[np.ndarray, "step 13 3"],
        found: Bool[np.ndarray, " step"],
        sizes: Float32[np.ndarray, " step"],
    ) -> Float32[np.ndarray, "step label"]:
        """Return the probability of each label at each step of one sequence."""
        vectors = pose_vectors(joints[None], found[None], sizes[None])
        with torch.inference_mode():
            logits = self(torch.from_numpy(vectors))[0]
        scores: Float32[np.ndarray, "step label"] = softmax(logits, dim=-1).numpy()
        return scores


def save_net(net: VectorNet, path: Path) -> None:
    """Write a net, replacing the old file whole."""
    make_folder(path.absolute().parent)
    outcomes = {label: asdict(each) for label, each in net.outcomes.items()}
    facts = json.dumps({"events": net.events, "outcomes": outcomes})
    tensors = {name: value.contiguous() for name, value in net.state_dict().items()}
    part = path.with_suffix(".part")
    save_file(tensors, part, {_FORMAT: facts})
    part.replace(path)


def load_net(path: Path) -> VectorNet:
    """Read a net that ``save_net`` wrote.

    Raises:
        TrainingError: If the file is missing, damaged or no vector net.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})[_FORMAT])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a mapping
        outcomes = {name: Outcome(**each) for name, each in facts["outcomes"].items()}
        net = VectorNet(facts["events"], outcomes)
        net.load_state_dict(tensors)
    except KeyError:
        problem = "is no vector net; make one with: wardwatch train default --yardstick"
        raise TrainingError(str(path), problem) from None
    except (OSError, SafetensorError, ValueError, TypeError, RuntimeError) as err:
        raise TrainingError(str(path), f"cannot be read: {one_line(err)}") from err
    return net.eval()
