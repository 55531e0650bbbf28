"""Plot of what cameras cost a service, and how late its answers are, as a PNG file."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipelines.lab.studies.models.plots import new_figure


class LoadPoint(NamedTuple):
    """One load.

    Attributes:
        cameras: Number of cameras.
        p50_s: Median time from a window's end to the receipt of its event, in seconds;
            None without events.
        p95_s: 95th percentile of the same.
        cores_a_camera: Cores that the service uses for each camera.
        keeps_up: Whether all pictures were used.
    """

    cameras: int
    p50_s: float | None
    p95_s: float | None
    cores_a_camera: float
    keeps_up: bool


def plot_growth(loads: Sequence[LoadPoint], path: Path) -> None:
    """Draw the delay of events and the cores a camera over the number of cameras."""
    figure = new_figure(9.0, 3.6)
    delay, cost = figure.subplots(1, 2)
    timed = [load for load in loads if load.p50_s is not None]
    cameras = [load.cameras for load in timed]
    delay.plot(cameras, [load.p95_s for load in timed], "o-", label="p95")
    delay.plot(cameras, [load.p50_s for load in timed], "o-", label="p50")
    delay.set_ylabel("from a window's end to MQTT (s)")
    delay.set_ylim(bottom=0)
    cost.plot(
        [load.cameras for load in loads], [load.cores_a_camera for load in loads], "o-"
    )
    cost.set_ylabel("cores a camera")
    cost.set_ylim(bottom=0)
    beyond = [load.cameras for load in loads if not load.keeps_up]
    for axes in (delay, cost):
        axes.set_xlabel("cameras")
        if beyond:
            axes.axvspan(
                beyond[0] - 0.5, loads[-1].cameras + 0.5, color="0.9", label="thinned"
            )
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    figure.savefig(path, dpi=150, bbox_inches="tight")
