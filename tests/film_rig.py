"""Recordings whose pictures have any times one likes, as broken muxers write them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.clock import NS_PER_S
from pipelines.sources.gstreamer.core import (
    Gst,
    element,
    make_pipeline,
    pixels_to_buffer,
    rgb_caps,
)
from tests.camera_rig import RATE_HZ, numbered

_CODECS = {
    "h264": ("x264enc bframes=0 key-int-max=24 ! h264parse", "V_MPEG4/ISO/AVC"),
    "h264-b": (
        "x264enc bframes=3 b-adapt=false key-int-max=24 ! h264parse",
        "V_MPEG4/ISO/AVC",
    ),
    "vp8": ("vp8enc deadline=1 keyframe-max-dist=24 ! identity", "V_VP8"),
    "jpeg": ("jpegenc ! identity", "V_MJPEG"),
}
_FORMS = {
    "V_MPEG4/ISO/AVC": "video/x-h264,stream-format=avc,alignment=au",
    "V_VP8": "video/x-vp8",
    "V_MJPEG": "image/jpeg",
}


@dataclass(frozen=True)
class Packet:
    """One encoded picture, as stored."""

    data: bytes
    time_ns: int
    key: bool


@dataclass(frozen=True)
class Track:
    """Encoded pictures of ``numbered``, 12 a second from time 0, as stored."""

    codec: str
    private: bytes
    packets: list[Packet]

    def timed(self, change: Callable[[int, int], int]) -> "Track":
        """Give each picture another time, by its number and its time."""
        packets = [
            Packet(
                it.data,
                change(round(it.time_ns * RATE_HZ / NS_PER_S), it.time_ns),
                it.key,
            )
            for it in self.packets
        ]
        return Track(self.codec, self.private, packets)


def encode(codec: str, pictures: int) -> Track:
    encoder, name = _CODECS[codec]
    pipeline = make_pipeline(
        "appsrc name=in format=time max-bytes=0 ! videoconvert"
        f" ! video/x-raw,format=I420 ! {encoder} ! {_FORMS[name]}"
        " ! appsink name=out sync=false max-buffers=0"
    )
    source, sink = element(pipeline, "in"), element(pipeline, "out")
    source.set_property("caps", rgb_caps(64, 48, RATE_HZ))
    pipeline.set_state(Gst.State.PLAYING)
    for n in range(pictures):
        buffer = pixels_to_buffer(numbered(n % 100))
        buffer.pts = round(n * NS_PER_S / RATE_HZ)
        buffer.duration = round(NS_PER_S / RATE_HZ)
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")
    packets, private = [], b""
    while (sample := sink.emit("pull-sample")) is not None:
        buffer = sample.get_buffer()
        key = not buffer.get_flags() & Gst.BufferFlags.DELTA_UNIT
        data = buffer.extract_dup(0, buffer.get_size())
        packets.append(Packet(data, buffer.pts, key))
        form = sample.get_caps().get_structure(0)
        if form.has_field("codec_data"):
            head = form.get_value("codec_data")
            private = head.extract_dup(0, head.get_size())
    pipeline.set_state(Gst.State.NULL)
    first_ns = min(it.time_ns for it in packets)  # x264enc begins at 1000 hours
    return (
        Track(name, private, packets).timed(lambda _, time_ns: time_ns - first_ns)
        if first_ns
        else Track(name, private, packets)
    )


def write_stream(path: Path, codec: str, pictures: int) -> Path:
    """Write encoded pictures one after the other, without a container or times."""
    forms = {
        "h264": "x264enc ! video/x-h264,stream-format=byte-stream",
        "jpeg": "jpegenc",
    }
    pipeline = make_pipeline(
        f"videotestsrc num-buffers={pictures} pattern=ball"
        f" ! video/x-raw,width=64,height=48,framerate=12/1 ! {forms[codec]}"
        " ! filesink name=out"
    )
    element(pipeline, "out").set_property("location", str(path))
    pipeline.set_state(Gst.State.PLAYING)
    kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, kinds)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None
    assert message.type == Gst.MessageType.EOS
    return path


def write_matroska(path: Path, *tracks: Track) -> Path:
    """Write tracks one after the other; each picture has a cluster with its time."""
    header = _element(
        0x1A45DFA3,
        _number(0x4286, 1),
        _number(0x42F7, 1),
        _number(0x42F2, 4),
        _number(0x42F3, 8),
        _element(0x4282, b"matroska"),
        _number(0x4287, 4),
        _number(0x4285, 2),
    )
    made_by = _element(0x4D80, b"test"), _element(0x5741, b"test")
    info = _element(0x1549A966, _number(0x2AD7B1, 1_000_000), *made_by)
    entries = [_entry(n, track) for n, track in enumerate(tracks, start=1)]
    clusters = [
        _cluster(n, packet)
        for n, track in enumerate(tracks, start=1)
        for packet in track.packets
    ]
    content = info, _element(0x1654AE6B, *entries), *clusters
    path.write_bytes(header + _element(0x18538067, *content))
    return path


def _entry(number: int, track: Track) -> bytes:
    private = [_element(0x63A2, track.private)] if track.private else []
    size = _element(0xE0, _number(0xB0, 64), _number(0xBA, 48))
    names = _number(0xD7, number), _number(0x73C5, number), _number(0x83, 1)
    return _element(0xAE, *names, _element(0x86, track.codec.encode()), *private, size)


def _cluster(track: int, packet: Packet) -> bytes:
    block = bytes([0x80 | track, 0, 0, 0x80 if packet.key else 0]) + packet.data
    time_ms = round(max(0, packet.time_ns) / 1e6)
    return _element(0x1F43B675, _number(0xE7, time_ms), _element(0xA3, block))


def _element(identifier: int, *content: bytes) -> bytes:
    data = b"".join(content)
    size = (len(data) | 1 << 56).to_bytes(8, "big")
    return identifier.to_bytes((identifier.bit_length() + 7) // 8, "big") + size + data


def _number(identifier: int, value: int) -> bytes:
    return _element(identifier, value.to_bytes(8, "big"))


def join(tracks: Sequence[Track]) -> Track:
    """Put recordings one after the other, each with its own times."""
    packets = [packet for track in tracks for packet in track.packets]
    return Track(tracks[0].codec, tracks[0].private, packets)
