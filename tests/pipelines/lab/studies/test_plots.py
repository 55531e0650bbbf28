from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.lab.studies.confusion import Confusion
from pipelines.lab.studies.plots import plot_confusion


def dark_pixels(counts: list[list[int]], path: Path) -> int:
    labels = tuple(f"label {index}" for index in range(len(counts)))
    confusion = Confusion(labels, np.array([counts], dtype=np.int64))
    plot_confusion(confusion, "a title", path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 500
        red, _, blue, _ = np.moveaxis(np.asarray(image.convert("RGBA")), 2, 0)
    return int(((red < 60) & (blue > 90)).sum())


def test_a_cell_is_dark_by_its_share_of_the_true_label(tmp_path: Path) -> None:
    one_dark = dark_pixels([[100, 0], [500, 500]], tmp_path / "one.png")
    two_dark = dark_pixels([[100, 0], [0, 1000]], tmp_path / "two.png")
    none_dark = dark_pixels([[0, 0], [500, 500]], tmp_path / "none.png")

    # What is left without any dark cell is the scale beside the picture.
    assert two_dark - none_dark > 1.9 * (one_dark - none_dark) > 0
