"""Construction of a camera's GStreamer pipeline.

    source ─▶ (a file: parsebin ┄▶) decodebin ┄▶ appsink (decoded)
                              ┆ picks
                           appsrc (picked) ─▶ crop ─▶ scale, pad, RGB ─▶ turn ─▶ appsink

``pipelines.sources.camera.pipeline`` makes the dotted connections. Frames are picked
between two halves, because no GStreamer element picks on our grid. So no pixel is
processed before picking, and only picked pictures are cropped, scaled and converted. A
file is demuxed before it is decoded, to select its film and not a thumbnail.
"""

from pipelines.records import NO_BARS, Placement
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.framing import Framing, Pane
from pipelines.sources.gstreamer.core import (
    Gst,
    caps_type,
    element,
    make_pipeline,
    point_at_file,
    rgb_caps,
    static_pad,
)

_SOURCES = {
    # TCP by default: with UDP a lost packet damages the picture until the next key
    # frame.
    "rtsp": "rtspsrc name=source protocols=tcp add-reference-timestamp-meta=true",
    "device": "v4l2src name=source",
    "file": "filesrc name=source ! parsebin name=parser",
    "test": "videotestsrc name=source is-live=true pattern=ball"
    " ! video/x-raw,format=I420,width=640,height=480,framerate=12/1",
}
_LOCATIONS = {"rtsp": "location", "device": "device"}

_TURNS = {
    "rotate-0": "identity",
    "rotate-90": "90r",
    "rotate-180": "180",
    "rotate-270": "90l",
}
_QUARTERS = tuple(_TURNS.values())
"""Turns by their number of quarters clockwise."""

# videocrop supports fewer formats than decoders output: 10-bit video, for example, must
# be converted first.
_CROP = (
    " ! videoconvert ! video/x-raw,format={I420,YV12,NV12,YUY2,Y42B,Y444,RGB,GRAY8}"
    " ! videocrop name=crop"
)

_SINK = "appsink sync=false async=false max-buffers=1 emit-signals=true"

# bilinear2 averages all source pixels of a target pixel; plain bilinear reads only four
# of them, so that fine patterns flicker.
_REST = (
    f"decodebin name=decoder   {_SINK} name=decoded caps=video/x-raw"
    " appsrc name=picked format=time block=true max-buffers=2 max-bytes=0{crop}"
    " ! videoconvertscale method=bilinear2 add-borders=true ! capsfilter name=form"
    f" ! videoflip name=turn ! {_SINK} name=pictures"
)


def launch_camera(
    address: CameraAddress,
    image_size_px: int,
    framing: Framing,
    answer_within_s: float,
) -> Gst.Pipeline:
    """Build a camera's pipeline.

    The caller links a file's ``parser`` to ``decoder``, then ``decoder`` to
    ``decoded`` once it has pads. Pictures from ``decoded`` that the caller pushes into
    ``picked`` come out of ``pictures`` as RGB squares.
    """
    crop = "" if framing.pane is None else _CROP
    link = " " if address.kind == "file" else " ! "
    pipeline = make_pipeline(_SOURCES[address.kind] + link + _REST.format(crop=crop))
    _point_at(element(pipeline, "source"), address, answer_within_s)
    element(pipeline, "decoder").connect("autoplug-continue", _wants_decoding)
    caps = rgb_caps(image_size_px, image_size_px)
    element(pipeline, "form").set_property("caps", caps)
    static_pad(element(pipeline, "decoded"), "sink").add_probe(
        Gst.PadProbeType.EVENT_DOWNSTREAM, _turn_upright, element(pipeline, "turn")
    )
    if framing.pane is not None:
        # Before the second half negotiates the new size.
        static_pad(element(pipeline, "picked"), "src").add_probe(
            Gst.PadProbeType.EVENT_DOWNSTREAM,
            _cut_to_pane,
            element(pipeline, "crop"),
            framing.pane,
        )
    return pipeline


def placement_of(pipeline: Gst.Pipeline, framing: Framing) -> Placement:
    """Return where the squares show the camera's whole picture.

    Call this in the thread that brings a picture, so that the answer is about it.
    """
    caps = static_pad(element(pipeline, "picked"), "src").get_current_caps()
    if caps is None:
        return NO_BARS
    form = caps.get_structure(0)
    (_, width_px), (_, height_px) = form.get_int("width"), form.get_int("height")
    is_stated, across, down = form.get_fraction("pixel-aspect-ratio")
    turn = element(pipeline, "turn").get_property("video-direction")
    return framing.placement(
        width_px,
        height_px,
        across / down if is_stated else 1.0,
        _QUARTERS.index(turn.value_nick),
    )


def _point_at(
    source: Gst.Element, address: CameraAddress, answer_within_s: float
) -> None:
    if address.kind == "file":
        point_at_file(source, address.location)
    elif address.kind in _LOCATIONS:
        source.set_property(_LOCATIONS[address.kind], address.location)
    if address.kind == "rtsp":
        source.connect("select-stream", _is_video_stream)
        # Only this timeout ends the wait for the rest of an answer; a state change
        # does not.
        source.set_property("tcp-timeout", round(answer_within_s * 1e6))
    if address.user is not None:
        source.set_property("user-id", address.user)
        source.set_property("user-pw", address.password or "")


def _wants_decoding(_decoder: Gst.Element, _pad: Gst.Pad, caps: Gst.Caps) -> bool:
    """Return whether to decode a stream; sound and subtitles are not decoded."""
    return not caps_type(caps).startswith(("audio/", "text/", "subpicture/"))


def _is_video_stream(_source: Gst.Element, _number: int, caps: Gst.Caps) -> bool:
    return caps.get_structure(0).get_string("media") == "video"


def _turn_upright(
    _pad: Gst.Pad, info: Gst.PadProbeInfo, turn: Gst.Element
) -> Gst.PadProbeReturn:
    """Rotate by the file's orientation tag, after scaling, where it is cheap."""
    event = info.get_event()
    if event is not None and event.type == Gst.EventType.TAG:
        tags = event.parse_tag()
        is_set, orientation = tags.get_string(Gst.TAG_IMAGE_ORIENTATION)
        if is_set and orientation in _TURNS:
            Gst.util_set_object_arg(turn, "video-direction", _TURNS[orientation])
    return Gst.PadProbeReturn.OK


def _cut_to_pane(
    _pad: Gst.Pad, info: Gst.PadProbeInfo, crop: Gst.Element, pane: Pane
) -> Gst.PadProbeReturn:
    """Set the crop margins when the size of the pictures changes."""
    event = info.get_event()
    if event is not None and event.type == Gst.EventType.CAPS:
        form = event.parse_caps().get_structure(0)
        (_, width_px), (_, height_px) = form.get_int("width"), form.get_int("height")
        for side, cut_px in pane.margins(width_px, height_px)._asdict().items():
            crop.set_property(side, cut_px)
    return Gst.PadProbeReturn.OK
