"""Picture statistics for drift: light, sharpness, cover and shift of the view.

All are computed from a luma picture of at most 64 pixels a side, at most once in some
seconds, so that their cost is negligible beside the encoder's.
"""

from typing import final

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from pipelines.clock import seconds_to_ns
from pipelines.records import Frame, PictureStats

_SIDE_PX = 64
_CELL_PX = 8
_FLAT_OF_ALL = 0.12
"""A cell is flat if the standard deviation of its luma is less than this share of the
picture's."""
_FLAT_LUMA = 3.0
"""A cell with a smaller standard deviation of luma is flat in any picture."""
_LEAST_CONTRAST = 1.5
"""Least standard deviation of a picture's luma, of 255: below it nothing is visible."""
_BLACK_OF_BRIGHT = 0.08
"""Luma below this share of the brightest parts' luma is black, in any light."""
_BRIGHT_QUANTILE = 0.95
_LEAST_PEAK = 0.15
"""Least peak of the phase correlation of two pictures that share a view."""
_BLACK = 2.0
"""Greatest luma of the bars that framing adds."""
_LUMA_OF_RGB = np.array([0.299, 0.587, 0.114], np.float32)

Box = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last."""
_NOTHING: Box = (_SIDE_PX, 0, _SIDE_PX, 0)
_MANY = 1000
"""Number of pictures that a restored view counts as."""


@final
class PictureMeter:
    """Picture statistics of one subject's camera.

    The shift compares a picture's edges with the mean edges of many pictures: in the
    mean, people fade and the room stays. Until ``settle`` no shift is measured.
    Bars that were black in every picture belong to the frame and not to the view.

    Measures at most every ``every_s`` seconds.

    Attributes:
        view: Mean edges of the pictures before ``settle``.
        box: Position of the view in the small picture, without black bars.
        settled: Whether shifts are measured against ``view``.
    """

    def __init__(self, every_s: float = 5.0) -> None:
        self._every_ns = seconds_to_ns(every_s)
        self._next_ns: int | None = None
        self.forget_view()

    def forget_view(self) -> None:
        """Forget the view, and start to learn another."""
        self.restore(None, _NOTHING, settled=False)

    def restore(
        self,
        view: Float32[np.ndarray, "row column"] | None,
        box: Box,
        *,
        settled: bool,
    ) -> None:
        """Restore the attributes of an earlier meter."""
        self.view, self.box, self.settled = view, box, False
        self._seen = 0 if view is None else _MANY
        self._spectrum: np.ndarray | None = None
        if settled:
            self.settle()

    def settle(self) -> None:
        """Measure shifts against the present view from now on, if there is a view."""
        if self.view is not None and not self.settled:
            self._spectrum = _spectrum(self.view)
            self.settled = True

    def measure(self, frame: Frame) -> PictureStats | None:
        """Return the picture's statistics; None if the last ones are too recent."""
        due_ns, now_ns = self._next_ns, frame.timestamp_ns
        # A picture older than the latest measurement belongs to a new stream.
        if due_ns is not None and due_ns - self._every_ns <= now_ns < due_ns:
            return None
        self._next_ns = now_ns + self._every_ns
        luma = self._within_bars(small_luma(frame.pixels))
        return PictureStats(
            subject_id=frame.subject_id,
            timestamp_ns=frame.timestamp_ns,
            luma=float(luma.mean()),
            sharpness=_sharpness(luma),
            covered_ratio=_covered_ratio(luma),
            black_ratio=_black_ratio(luma),
            shift_px=self._shift_px(_edges(luma)),
        )

    def _within_bars(
        self, luma: Float32[np.ndarray, "row column"]
    ) -> Float32[np.ndarray, "view_row view_column"]:
        if not self.settled:
            self.box = _around(self.box, luma > _BLACK)
        top, bottom, left, right = self.box
        within = luma[top:bottom, left:right]
        return within if min(within.shape) >= 2 * _CELL_PX else luma

    def _shift_px(self, edges: Float32[np.ndarray, "row column"]) -> float | None:
        if self.view is not None and self.view.shape != edges.shape:
            if self.settled:  # another camera's picture, or another framing
                return None
            self.view, self._seen = None, 0
        if self._spectrum is not None:
            return _shift_px(self._spectrum, _spectrum(edges))
        self._seen += 1
        if self.view is None:
            self.view = edges
        self.view = self.view + (edges - self.view) / self._seen
        return None


def _around(box: Box, lit: Bool[np.ndarray, "row column"]) -> Box:
    """Return the smallest box that contains a box and every lit pixel."""
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    if not len(rows):
        return box
    return (
        min(box[0], int(rows[0])),
        max(box[1], int(rows[-1]) + 1),
        min(box[2], int(columns[0])),
        max(box[3], int(columns[-1]) + 1),
    )


def small_luma(
    pixels: UInt8[np.ndarray, "height width 3"],
) -> Float32[np.ndarray, "row column"]:
    """Return the luma, 0 to 255, scaled by averaging to at most 64 pixels a side."""
    height, width, _ = pixels.shape
    step = max(1, -(-max(height, width) // _SIDE_PX))
    whole = pixels[: height - height % step, : width - width % step]
    # Combining the channels first leaves one plane to average instead of three.
    plane = whole.astype(np.float32) @ _LUMA_OF_RGB
    rows, columns = plane.shape[0] // step, plane.shape[1] // step
    squares = plane.reshape(rows, step, columns, step)
    luma: Float32[np.ndarray, "row column"] = squares.mean(axis=(1, 3))
    return luma


def _sharpness(luma: Float32[np.ndarray, "row column"]) -> float:
    """Return the mean edge between neighbours, as a share of the picture's contrast."""
    down = np.abs(np.diff(luma, axis=0)).mean()
    across = np.abs(np.diff(luma, axis=1)).mean()
    return float((down + across) / 2 / max(luma.std(), _LEAST_CONTRAST))


def _covered_ratio(luma: Float32[np.ndarray, "row column"]) -> float:
    """Return the share of cells without structure, relative to the picture's."""
    contrast = float(luma.std())
    if contrast < _LEAST_CONTRAST:
        return 1.0
    rows, columns = (side // _CELL_PX for side in luma.shape)
    whole = luma[: rows * _CELL_PX, : columns * _CELL_PX]
    cells = whole.reshape(rows, _CELL_PX, columns, _CELL_PX)
    flat = max(_FLAT_OF_ALL * contrast, _FLAT_LUMA)
    return float((cells.std(axis=(1, 3)) < flat).mean())


def _black_ratio(luma: Float32[np.ndarray, "row column"]) -> float:
    """Return the share of the picture that is black relative to its brightest parts.

    Dimmer light darkens both and does not change the share. So the share distinguishes
    an object that hides a part of the view from dimmer light.
    """
    rank = int(_BRIGHT_QUANTILE * (luma.size - 1))
    bright = float(np.partition(luma, rank, axis=None)[rank])
    return float((luma < _BLACK_OF_BRIGHT * bright).mean())


def _edges(
    luma: Float32[np.ndarray, "row column"],
) -> Float32[np.ndarray, "row column"]:
    """Return the strength of the edges, scaled to a mean of 1 in any light."""
    down, across = np.gradient(luma)
    strength: Float32[np.ndarray, "row column"] = np.hypot(down, across)
    return strength / max(float(strength.mean()), 1e-3)


def _spectrum(edges: Float32[np.ndarray, "row column"]) -> np.ndarray:
    """Return the spectrum of edges under a Hann window."""
    window = np.outer(np.hanning(edges.shape[0]), np.hanning(edges.shape[1]))
    spectrum: np.ndarray = np.fft.rfft2((edges - edges.mean()) * window)
    return spectrum


def _shift_px(reference: np.ndarray, spectrum: np.ndarray) -> float:
    """Return the shift of the view, by phase correlation.

    Returns:
        Pixels of the small picture; half its longer side if the two share no view.
    """
    cross = reference * np.conj(spectrum)
    rows = cross.shape[0]
    columns = 2 * (cross.shape[1] - 1)
    correlation = np.fft.irfft2(cross / (np.abs(cross) + 1e-6), (rows, columns))
    row, column = np.unravel_index(int(correlation.argmax()), correlation.shape)
    if correlation[row, column] < _LEAST_PEAK:
        return float(max(rows, columns) / 2)
    down = min(int(row), rows - int(row))
    across = min(int(column), columns - int(column))
    return float(np.hypot(down, across))
