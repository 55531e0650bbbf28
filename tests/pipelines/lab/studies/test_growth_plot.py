from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.lab.studies.growth_plot import LoadPoint, plot_growth


def coloured(loads: list[LoadPoint], path: Path) -> int:
    """Return the number of pixels in the colours of the curves."""
    plot_growth(loads, path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 400
        red, green, blue = np.moveaxis(np.asarray(image.convert("RGB"), np.int16), 2, 0)
    return int(((abs(red - blue) > 60) & (green > 0)).sum())


def test_a_load_without_events_has_a_cost_and_no_delay(tmp_path: Path) -> None:
    loads = [
        LoadPoint(1, 0.2, 0.3, 0.3, keeps_up=True),
        LoadPoint(2, 0.2, 0.4, 0.3, keeps_up=True),
        LoadPoint(8, 0.4, 0.9, 0.2, keeps_up=False),
    ]
    silent = [load._replace(p50_s=None, p95_s=None) for load in loads]
    both = coloured(loads, tmp_path / "both.png")
    cost = coloured(silent, tmp_path / "cost.png")
    assert both > 2 * cost > 0
