"""Metadata of a video file, read without playing it."""

from pathlib import Path

import gi

gi.require_version("GstPbutils", "1.0")
from gi.repository import GLib, GstPbutils  # noqa: E402 the version comes first

from pipelines.clock import NS_PER_S, ns_to_seconds  # noqa: E402
from pipelines.sources.camera.blocking_calls import answer_within  # noqa: E402
from pipelines.sources.gstreamer.core import Gst  # noqa: E402

_PATIENCE_S = 10


def video_duration_s(path: Path | str) -> float | None:
    """Return the length of a video in seconds; None if the file does not state it.

    Only regular files are read. The length of a file that does not answer is None: the
    player reports the fault.
    """
    file = Path(path)
    return answer_within(
        f"length of {file}", lambda: _duration_s(file), 1.5 * _PATIENCE_S
    )


def _duration_s(file: Path) -> float | None:
    if not file.is_file():
        return None
    discoverer = GstPbutils.Discoverer.new(_PATIENCE_S * NS_PER_S)
    try:
        info = discoverer.discover_uri(file.absolute().as_uri())
    except GLib.Error:
        return None
    duration_ns = info.get_duration()
    return ns_to_seconds(duration_ns) if 0 < duration_ns < Gst.CLOCK_TIME_NONE else None
