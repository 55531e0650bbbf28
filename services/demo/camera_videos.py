"""Videos for the cameras of a benchmark: simulated rooms, or moving blocks."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from pipelines.progress import Progress, counting
from pipelines.sources.gstreamer.video_writer import VideoFileWriter

_WIDTH_PX, _HEIGHT_PX = 320, 240
_RATE_HZ = Fraction(12)
_BLOCK_PX = 48
_NOISE_LEVELS = 6


def render_rooms(
    folder: Path, count: int, seconds: float, seed: int, on_progress: Progress
) -> list[Path]:
    """Render videos of simulated rooms; needs the laboratory.

    Raises:
        PipelineError: If this machine cannot render.
    """
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # else the next import fails with a traceback
    from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate

    plans = [RecordingPlan(Stream.FOOTAGE, seed, i, seconds) for i in range(count)]
    simulate(folder, plans, on_done=counting(on_progress, "rendering", count))
    return [folder / plan.name for plan in plans]


def write_moving_videos(
    folder: Path, count: int, seconds: float, seed: int
) -> list[Path]:
    """Write videos of a bright block that moves over a noisy grey room.

    Every picture differs from the one before it, so no feature is reused: the load is
    the highest that cameras of this size cause.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"moving-{number}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        rng = np.random.default_rng((seed, number))
        speed_px = rng.uniform(2.0, 6.0, 2)
        with VideoFileWriter(path, _WIDTH_PX, _HEIGHT_PX, _RATE_HZ) as video:
            for step in range(round(seconds * _RATE_HZ)):
                pixels = rng.integers(
                    100, 100 + _NOISE_LEVELS, (_HEIGHT_PX, _WIDTH_PX, 3), np.uint8
                )
                room = np.array([_HEIGHT_PX, _WIDTH_PX]) - _BLOCK_PX
                row, column = (speed_px * step % room).astype(int)
                pixels[row : row + _BLOCK_PX, column : column + _BLOCK_PX] = 230
                video.write(pixels)
    return paths
