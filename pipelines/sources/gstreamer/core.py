"""Shared GStreamer code: start-up, pipelines, bus errors, pictures.

Import ``Gst`` from here, never from ``gi``: this module pins the versions and
initialises GStreamer once, at the first import.
"""

from fractions import Fraction
from pathlib import Path
from typing import cast

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")  # gives appsrc and appsink their methods
gi.require_version("GstVideo", "1.0")

import numpy as np  # noqa: E402
from gi.repository import Gst, GstApp, GstVideo  # noqa: E402
from jaxtyping import UInt8  # noqa: E402

Gst.init(None)

__all__ = [
    "Gst",
    "GstApp",
    "GstVideo",
    "caps_type",
    "element",
    "error_line",
    "make_pipeline",
    "media_type",
    "pixels_to_buffer",
    "rgb_caps",
    "sample_to_pixels",
    "static_pad",
]


def make_pipeline(description: str) -> Gst.Pipeline:
    """Build a pipeline from a ``gst-launch`` line.

    Do not put paths or addresses in the line, where they would need escaping: name the
    element and set its property.
    """
    pipeline = Gst.parse_launch(description)
    if not isinstance(pipeline, Gst.Pipeline):
        msg = f"expected a pipeline of several elements, got {description!r}"
        raise TypeError(msg)
    return pipeline


def element(pipeline: Gst.Bin, name: str) -> Gst.Element:
    """Return the element of a name; a wrong name is an error in our code."""
    found = pipeline.get_by_name(name)
    if found is None:
        msg = f"the pipeline has no element {name!r}"
        raise LookupError(msg)
    return found


def static_pad(owner: Gst.Element, name: str) -> Gst.Pad:
    """Return the pad of a name; a wrong name is an error in our code."""
    pad = owner.get_static_pad(name)
    if pad is None:
        msg = f"{owner.get_name()} has no pad {name!r}"
        raise LookupError(msg)
    return pad


def point_at_file(source: Gst.Element, path: str) -> None:
    """Set the file of a filesrc; its name may have any encoding.

    GStreamer requires UTF-8 for a path, but accepts any bytes in a URI.
    """
    handler = cast("Gst.URIHandler", source)  # every filesrc is a URI handler
    handler.set_uri(Path(path).absolute().as_uri())


def media_type(pad: Gst.Pad) -> str:
    """Return the media type of a pad, such as ``video/x-raw``; empty if unknown."""
    caps = pad.get_current_caps()
    if caps is None:
        caps = pad.query_caps(None)  # type: ignore[no-untyped-call]
    return caps_type(caps)


def caps_type(caps: Gst.Caps) -> str:
    """Return the media type of caps, such as ``video/x-raw``; empty if unknown."""
    unknown = caps.is_any() or caps.is_empty()
    return "" if unknown else caps.get_structure(0).get_name()


def error_line(message: Gst.Message) -> str:
    """Return a bus error or warning as one line, without the debug details."""
    parsed = (
        message.parse_error()
        if message.type == Gst.MessageType.ERROR
        else message.parse_warning()
    )
    return " ".join(parsed[0].message.split()).rstrip(".")


def rgb_caps(
    width_px: int, height_px: int, rate_hz: Fraction | None = None
) -> Gst.Caps:
    """Return the caps of packed RGB pictures, of any frame rate by default."""
    text = (
        f"video/x-raw,format=RGB,width={width_px},height={height_px},"
        "pixel-aspect-ratio=1/1"
    )
    if rate_hz is not None:
        text += f",framerate={rate_hz.numerator}/{rate_hz.denominator}"
    caps = Gst.Caps.from_string(text)
    if caps is None:
        msg = f"not a form of pictures: {text}"
        raise ValueError(msg)
    return caps


def _padded_row_bytes(width_px: int) -> int:
    """Return the bytes of a row of packed RGB: GStreamer pads rows to 4 bytes."""
    return (3 * width_px + 3) // 4 * 4


def pixels_to_buffer(pixels: UInt8[np.ndarray, "height width 3"]) -> Gst.Buffer:
    """Copy an RGB picture into a buffer with the layout of ``rgb_caps``."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, _padded_row_bytes(width)), np.uint8)
    rows[:, : 3 * width] = pixels.reshape(height, 3 * width)
    return Gst.Buffer.new_wrapped(rows.tobytes())


def sample_to_pixels(sample: Gst.Sample) -> UInt8[np.ndarray, "height width 3"]:
    """Copy the RGB picture out of a sample with caps from ``rgb_caps``."""
    buffer, caps = sample.get_buffer(), sample.get_caps()
    if buffer is None or caps is None:
        msg = "the sample holds no picture"
        raise ValueError(msg)
    (_, width), (_, height) = (
        caps.get_structure(0).get_int(side) for side in ("width", "height")
    )
    data = buffer.extract_dup(0, buffer.get_size())
    rows = np.frombuffer(data, np.uint8).reshape(height, _padded_row_bytes(width))
    return rows[:, : 3 * width].reshape(height, width, 3)
