"""The picture tower on OpenVINO, for processors.

    encode_pixels(normalise_pixels(frames)) ──traced──▶ OpenVINO graph ─▶ compiled

The graph is traced from the functions that torch runs, so there is one description of
the tower. It accepts any number of pictures and includes the scaling of pixels.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from models.clip.encoder import ClipEncoder, encode_pixels, normalise_pixels
from models.clip.quiet import quiet_transformers
from models.errors import CheckpointError
from models.quiet_openvino import openvino
from models.reading import one_line

Precision = Literal["f32", "bf16"]
"""Type of the products that are not in eight bits."""

_TRACED_PICTURES = 2
"""With one picture, tracing would take the axis of the batch for a constant."""


class _Frames(nn.Module):
    """The function from pictures to features as a module, because tracing wants one."""

    def __init__(self, clip: ClipEncoder) -> None:
        super().__init__()
        self.model, self.pixel_scale = clip.model, clip.pixel_scale

    def forward(self, frames: Tensor) -> Tensor:
        pixels = normalise_pixels(frames, *self.pixel_scale)
        features: Tensor = encode_pixels(self.model, pixels)
        return features


def convert_tower(clip: ClipEncoder) -> Any:  # noqa: ANN401 OpenVINO ships no types
    """Return a checkpoint's picture tower as an OpenVINO graph in float32.

    Takes seconds for a large tower.
    """
    side = clip.image_size_px
    example = torch.zeros((_TRACED_PICTURES, side, side, 3), dtype=torch.uint8)
    frames = _Frames(clip)
    frames.train(mode=False)
    with warnings.catch_warnings(), torch.no_grad(), quiet_transformers():
        # Tracing warns of constants, which here depend on the model alone.
        warnings.simplefilter("ignore")
        trace: Callable[..., Any] = torch.jit.trace  # it has no type of its own
        traced = trace(frames, example, check_trace=False)
        graph = openvino.convert_model(traced, example_input=example)
    graph.reshape([-1, side, side, 3])
    return graph


def read_tower(clip: ClipEncoder, path: Path, variant: str) -> "OpenVinoTower":
    """Read a tower in eight bits from its file.

    Raises:
        CheckpointError: If the file cannot be read, or is of another shape.
    """
    side = clip.image_size_px
    expected = f"[?,{side},{side},3]", f"[?,{clip.dim}]"
    try:
        graph = openvino.Core().read_model(str(path))
        found = tuple(
            str(each.partial_shape) for each in (graph.input(), graph.output())
        )
    except RuntimeError as err:
        raise CheckpointError(str(path), f"cannot be read: {one_line(err)}") from err
    if found != expected:
        problem = f"maps {found[0]} to {found[1]}, expected {' to '.join(expected)}"
        raise CheckpointError(str(path), problem)
    return OpenVinoTower(graph, "openvino-int8", variant)


@final
class OpenVinoTower:
    """A compiled graph from pictures to features.

    Args:
        graph: From ``convert_tower``, or read from a file.
        backend: See ``PictureTower``.
        variant: See ``PictureTower``.
        precision: Type of the products that are not in eight bits.
    """

    def __init__(
        self,
        graph: Any,  # noqa: ANN401 OpenVINO ships no types
        backend: str,
        variant: str = "",
        precision: Precision = "f32",
    ) -> None:
        self.backend, self.variant = backend, variant
        settings = {
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
        }
        compiled = openvino.Core().compile_model(graph, "CPU", settings)
        self._request = compiled.create_infer_request()

    def __call__(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch dim"]:
        """See ``PictureTower``."""
        self._request.infer({0: np.ascontiguousarray(frames)})
        # copied: the next call overwrites the answer
        features: Float32[np.ndarray, "batch dim"] = np.array(
            self._request.get_output_tensor(0).data
        )
        return features
