"""Choose what computes a checkpoint's picture tower.

    backend         scores                 needs
    torch           the reference          nothing; any device
    openvino        equal but for rounding a processor
    openvino-bf16   others                 a processor with amx_bf16
    openvino-int8   others                 the files of ``wardwatch model quantize``

``auto`` changes no scores unless somebody has made the files, which hold what that
costs: it takes ``openvino-int8`` where they are and were faster, else the faster of the
first two. It never takes ``openvino-bf16``: a calibration and the baseline of drift
hold for one kind of scores, and those must not depend on the processor that a replica
happens to run on.

Measured as the greatest change of a label's probability on pictures, with the two
shipped checkpoints: 0.000003 for ``openvino``, less than other processors change it
with torch; 0.027 for ``openvino-bf16``; 0.070 for ``openvino-int8``, where 6 % of
the pictures also had another best label. So the first shares the calibrations and
baselines of torch, and the others have keys of their own (``PictureTower.variant``).
"""

from pathlib import Path

import numpy as np
import torch
from torch.utils.benchmark import Timer

from models.clip.encoder import ClipEncoder
from models.clip.int8_files import graph_path, missing_tower, read_facts
from models.clip.openvino_tower import OpenVinoTower, convert_tower, read_tower
from models.clip.picture_tower import Backend, PictureTower
from models.errors import CheckpointError

LARGE_PARAMETERS = 20_000_000
"""Least parameters of a picture tower for which ``auto`` converts it: conversion takes
as long as thousands of pictures of a small one, such as the shipped ones."""

_TIMED_PICTURES, _TIMED_ROUNDS = 8, 3
_CPU_FLAGS = Path("/proc/cpuinfo")


def choose_tower(clip: ClipEncoder, folder: Path, backend: Backend) -> PictureTower:
    """Return a checkpoint's picture tower on a backend.

    Args:
        clip: The checkpoint; its own ``tower`` is that of torch.
        folder: The checkpoint's folder.
        backend: See above.

    Raises:
        CheckpointError: If the backend cannot be used here, or a file is damaged.
    """
    device = clip.model.device.type
    if backend == "auto":
        return clip.tower if device != "cpu" else _fastest(clip, folder)
    if backend == "torch":
        return clip.tower
    if device != "cpu":
        problem = f"the backend {backend} runs on the CPU, not on {device}"
        raise CheckpointError(clip.name, f"{problem}; choose torch")
    match backend:
        case "openvino":
            return OpenVinoTower(convert_tower(clip), "openvino")
        case "openvino-bf16":
            if not has_amx_bf16():
                problem = "the backend openvino-bf16 is slow without amx_bf16"
                raise CheckpointError(clip.name, f"{problem}; choose openvino")
            graph = convert_tower(clip)
            return OpenVinoTower(graph, "openvino-bf16", "bf16", "bf16")
        case "openvino-int8":
            facts = read_facts(clip, folder)
            if facts is None:
                raise missing_tower(clip, folder)
            return read_tower(clip, graph_path(clip, folder), facts.variant)


def _fastest(clip: ClipEncoder, folder: Path) -> PictureTower:
    facts = read_facts(clip, folder)
    if facts is not None and facts.speedup > 1:
        return read_tower(clip, graph_path(clip, folder), facts.variant)
    tower = clip.model.vision_model
    if sum(each.numel() for each in tower.parameters()) < LARGE_PARAMETERS:
        return clip.tower
    converted = OpenVinoTower(convert_tower(clip), "openvino")
    return converted if speedup(clip, converted, _TIMED_ROUNDS) > 1 else clip.tower


def speedup(clip: ClipEncoder, tower: PictureTower, rounds: int) -> float:
    """Return a tower's pictures per second relative to the checkpoint's own tower.

    Both encode a batch of eight pictures in turn, and the fastest of the ``rounds``
    counts, because the machine may have other work.
    """
    side = clip.image_size_px
    frames = np.zeros((_TIMED_PICTURES, side, side, 3), np.uint8)
    timers = [
        Timer(
            "tower(frames)",
            setup="tower(frames)",
            globals={"tower": each, "frames": frames},
            num_threads=torch.get_num_threads(),
        )
        for each in (clip.tower, tower)
    ]
    times = [[timer.timeit(1).times[0] for timer in timers] for _ in range(rounds)]
    own_s, other_s = np.min(times, axis=0)
    return float(own_s / other_s)


def has_amx_bf16() -> bool:
    """Return whether the processor multiplies matrices of bfloat16."""
    try:
        return "amx_bf16" in _CPU_FLAGS.read_text(encoding="utf-8")
    except OSError:  # not Linux
        return False
