"""Play the encoded pictures of a file to a client, once or in a loop.

Pictures are read once, when the server starts, and shared by all clients. The rounds of
a loop are the same pictures at later times. Nothing is linked, opened or closed while a
client watches, because GStreamer gives no safe moment for that.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipelines.errors import SourceUnreadable
from pipelines.sources.gstreamer.core import (
    Gst,
    GstApp,
    caps_type,
    element,
    error_line,
    make_pipeline,
)

_CODECS = ("h264", "h265")
_TYPES = ";".join(f"video/x-{codec}" for codec in _CODECS)
_PROBE = f'filesrc name=file ! parsebin ! appsink name=pictures caps="{_TYPES}"'

# Parameter sets precede each key frame, since a decoder may join at any of them. In a
# byte stream the parser puts a delimiter before each picture; in the format of MP4
# files it adds none, and keeps those of the file.
_READ = (
    "filesrc name=file ! parsebin ! {codec}parse config-interval=-1"
    " ! video/x-{codec},stream-format={form},alignment=au"
    " ! appsink name=pictures sync=false"
)
_UNDELIMITED = {"h264": "avc", "h265": "hvc1"}
_LENGTH_BYTES = 4  # size of the length before each unit in the format of MP4 files

_POLL_NS = 100 * Gst.MSECOND
_NO_PICTURES = "it has no H.264 or H.265 pictures"


@dataclass(frozen=True, slots=True)
class Film:
    """The encoded pictures of a file, in the order to send them.

    Attributes:
        pictures: H.264 or H.265 access units with running times.
        caps: Format of the pictures.
        codec: ``h264`` or ``h265``.
        length_ns: Running time at which the next round begins.
    """

    pictures: tuple[Gst.Buffer, ...]
    caps: Gst.Caps
    codec: str
    length_ns: int

    @classmethod
    def read(cls, path: Path, *, delimiters: bool = True) -> "Film":
        """Read a file of any container.

        With ``delimiters`` an access unit delimiter precedes each picture.

        Raises:
            SourceUnreadable: If the file has no H.264 or H.265 pictures.
        """
        codec = _codec_of(path)
        form = "byte-stream" if delimiters else _UNDELIMITED[codec]
        pipeline = make_pipeline(_READ.format(codec=codec, form=form))
        element(pipeline, "file").set_property("location", str(path))
        sink = element(pipeline, "pictures")
        assert isinstance(sink, GstApp.AppSink)  # by the launch line
        pipeline.set_state(Gst.State.PLAYING)
        pictures, caps, length_ns = [], None, 0
        try:
            while not sink.is_eos():
                sample = sink.try_pull_sample(_POLL_NS)
                if sample is None:
                    _raise_failure(pipeline, path)
                    continue
                picture, caps = _at_running_time(sample), sample.get_caps()
                if not delimiters:
                    picture = _without_delimiter(picture, codec)
                pictures.append(picture)
                length_ns = max(length_ns, picture.pts + picture.duration)
        finally:
            pipeline.set_state(Gst.State.NULL)
        if caps is None:
            raise SourceUnreadable(str(path), _NO_PICTURES)
        return cls(tuple(pictures), caps, codec, length_ns)


def _codec_of(path: Path) -> str:
    """Return the codec of the first picture, ``h264`` or ``h265``."""
    pipeline = make_pipeline(_PROBE)
    element(pipeline, "file").set_property("location", str(path))
    sink = element(pipeline, "pictures")
    assert isinstance(sink, GstApp.AppSink)  # by the launch line
    pipeline.set_state(Gst.State.PAUSED)
    try:
        while (sample := sink.try_pull_preroll(_POLL_NS)) is None:
            _raise_failure(pipeline, path)
            if sink.is_eos():
                raise SourceUnreadable(str(path), _NO_PICTURES)
        caps = sample.get_caps()
        assert caps is not None  # the sink demands them
        return caps_type(caps).removeprefix("video/x-")
    finally:
        pipeline.set_state(Gst.State.NULL)


def _without_delimiter(picture: Gst.Buffer, codec: str) -> Gst.Buffer:
    """Return a picture in the format of MP4 files without access unit delimiters."""
    data = picture.extract_dup(0, picture.get_size())
    kept, place = b"", 0
    while place < len(data):
        begin = place + _LENGTH_BYTES
        end = begin + int.from_bytes(data[place:begin], "big")
        is_delimiter = (
            data[begin] & 0x1F == 9 if codec == "h264" else data[begin] >> 1 == 35
        )
        kept += b"" if is_delimiter else data[place:end]
        place = end
    bare = Gst.Buffer.new_wrapped(kept)
    facts = Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.TIMESTAMPS
    bare.copy_into(picture, facts, 0, picture.get_size())
    return bare


def _raise_failure(pipeline: Gst.Pipeline, path: Path) -> None:
    """Raise the pipeline's error, if there is one; an appsink does not report it."""
    failure = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    if failure is not None:
        raise SourceUnreadable(str(path), error_line(failure))


def _at_running_time(sample: Gst.Sample) -> Gst.Buffer:
    given = sample.get_buffer()
    assert given is not None  # an appsink's samples hold one
    segment = sample.get_segment()
    sign, running_ns = segment.to_running_time_full(Gst.Format.TIME, given.pts)
    # A picture before the start of the segment is needed to decode the rest.
    return _moved(given, running_ns if sign > 0 else 0)


def _moved(picture: Gst.Buffer, pts_ns: int) -> Gst.Buffer:
    """Return the picture at another time; the memory is shared."""
    parts = Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.MEMORY
    moved = picture.copy_region(parts, 0, picture.get_size())
    assert moved is not None  # the region is the whole picture
    moved.pts, moved.duration = pts_ns, picture.duration
    return moved


@final
class FilePlayer:
    """Feeds one client; GStreamer asks for each picture in a thread of its own."""

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
