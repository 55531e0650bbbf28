"""Play the encoded pictures of a file into a client's media, once or for ever.

Pictures are read once, when the server starts, and shared by all clients. The rounds
of a loop are the same pictures at later times: nothing is linked, opened or closed
while a client watches, for GStreamer gives no safe moment to do so.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipelines.errors import SourceUnreadable
from pipelines.sources.gst import Gst, GstApp, element, error_line, make_pipeline

# Parameter sets stand before each key frame, for a decoder may join at any of them.
_READ = (
    "filesrc name=file ! parsebin ! h264parse config-interval=-1"
    " ! video/x-h264,stream-format=byte-stream,alignment=au"
    " ! appsink name=pictures sync=false"
)

_LOOK_NS = 100 * Gst.MSECOND


@dataclass(frozen=True, slots=True)
class Film:
    """The encoded pictures of a file, in the order to send them.

    Attributes:
        pictures: H.264 access units; their times are running times.
        caps: What they are.
        length_ns: When the next round begins.
    """

    pictures: tuple[Gst.Buffer, ...]
    caps: Gst.Caps
    length_ns: int

    @classmethod
    def read(cls, path: Path) -> "Film":
        """Read a file of any container.

        Raises:
            SourceUnreadable: If no H.264 comes out of it.
        """
        pipeline = make_pipeline(_READ)
        element(pipeline, "file").set_property("location", str(path))
        sink = element(pipeline, "pictures")
        assert isinstance(sink, GstApp.AppSink)  # so the line says
        pipeline.set_state(Gst.State.PLAYING)
        pictures, caps, length_ns = [], None, 0
        try:
            while not sink.is_eos():
                sample = sink.try_pull_sample(_LOOK_NS)
                if sample is None:
                    _raise_failure(pipeline, path)
                    continue
                picture, caps = _at_running_time(sample), sample.get_caps()
                pictures.append(picture)
                length_ns = max(length_ns, picture.pts + picture.duration)
        finally:
            pipeline.set_state(Gst.State.NULL)
        if caps is None:
            raise SourceUnreadable(str(path), "there is no H.264 in it")
        return cls(tuple(pictures), caps, length_ns)


def _raise_failure(pipeline: Gst.Pipeline, path: Path) -> None:
    """An appsink knows the end of a stream, not that none will come."""
    failure = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    if failure is not None:
        raise SourceUnreadable(str(path), error_line(failure))


def _at_running_time(sample: Gst.Sample) -> Gst.Buffer:
    given = sample.get_buffer()
    assert given is not None  # an appsink's samples hold one
    segment = sample.get_segment()
    sign, running_ns = segment.to_running_time_full(Gst.Format.TIME, given.pts)
    # One that is cut off at the beginning is needed all the same, to decode the rest.
    return _moved(given, running_ns if sign > 0 else 0)


def _moved(picture: Gst.Buffer, pts_ns: int) -> Gst.Buffer:
    """The same picture at another time; the memory is shared."""
    parts = Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.MEMORY
    moved = picture.copy_region(parts, 0, picture.get_size())
    assert moved is not None  # it is the whole of it
    moved.pts, moved.duration = pts_ns, picture.duration
    return moved


@final
class FilePlayer:
    """Feeds one client's media; GStreamer asks for each picture in its own thread.

    Args:
        source: The ``appsrc`` of the media.
        film: What to play.
        loop: Whether it begins again at its end.
    """

    def __init__(self, source: Gst.Element, film: Film, *, loop: bool) -> None:
        self._film = film
        self._loop = loop
        self._sent = 0
        source.set_property("caps", film.caps)
        source.connect("need-data", self._send)

    def _send(self, source: Gst.Element, _size_bytes: int) -> None:
        film = self._film
        round_number, place = divmod(self._sent, len(film.pictures))
        if round_number > 0 and not self._loop:
            source.emit("end-of-stream")
            return
        picture = film.pictures[place]
        pts_ns = picture.pts + round_number * film.length_ns
        source.emit("push-buffer", _moved(picture, pts_ns))
        self._sent += 1
