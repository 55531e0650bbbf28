"""What a camera's GStreamer pipeline is made of.

    source ─▶ (a file: parsebin ┄▶) decodebin ┄▶ appsink (decoded)
                              ┆ picks
                           appsrc (picked) ─▶ crop ─▶ scale, pad, RGB ─▶ turn ─▶ appsink

Dotted ways are gone by ``pipelines.sources.camera.pipeline``. Picking stands between
two halves, for no element of GStreamer picks on our grid; so no pixel is touched before
it, and only picked pictures are cut, scaled and converted. A file is taken apart before
it is decoded, so that its film can be told from its thumbnails.
"""

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
    # Over TCP, unless it is told otherwise: a lost packet would smear the picture until
    # the next key frame.
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

# videocrop knows fewer formats than decoders give; ten bits, say, are converted first.
_CROP = (
    " ! videoconvert ! video/x-raw,format={I420,YV12,NV12,YUY2,Y42B,Y444,RGB,GRAY8}"
    " ! videocrop name=crop"
)

_SINK = "appsink sync=false async=false max-buffers=1 emit-signals=true"

# bilinear2 averages over all pixels that fall into one; plain bilinear reads four of
# them, and fine patterns flicker.
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
    """Build a pipeline; ``decoder`` must be linked to ``decoded`` when it has pads.

    Before that a file's ``parser`` must be linked to ``decoder``.

    The pictures of ``decoded`` that are pushed into ``picked`` come out of
    ``pictures`` as RGB squares.
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
        # Before any element of the second half asks whether it can take the new size.
        static_pad(element(pipeline, "picked"), "src").add_probe(
            Gst.PadProbeType.EVENT_DOWNSTREAM,
            _cut_to_pane,
            element(pipeline, "crop"),
            framing.pane,
        )
    return pipeline


def _point_at(
    source: Gst.Element, address: CameraAddress, answer_within_s: float
) -> None:
    if address.kind == "file":
        point_at_file(source, address.location)
    elif address.kind in _LOCATIONS:
        source.set_property(_LOCATIONS[address.kind], address.location)
    if address.kind == "rtsp":
        source.connect("select-stream", _is_video_stream)
        # Nothing else ends its wait for the rest of an answer, not even leaving.
        source.set_property("tcp-timeout", round(answer_within_s * 1e6))
    if address.user is not None:
        source.set_property("user-id", address.user)
        source.set_property("user-pw", address.password or "")


def _wants_decoding(_decoder: Gst.Element, _pad: Gst.Pad, caps: Gst.Caps) -> bool:
    """Leave sound and subtitles as they are: no one listens."""
    return not caps_type(caps).startswith(("audio/", "text/", "subpicture/"))


def _is_video_stream(_source: Gst.Element, _number: int, caps: Gst.Caps) -> bool:
    return caps.get_structure(0).get_string("media") == "video"


def _turn_upright(
    _pad: Gst.Pad, info: Gst.PadProbeInfo, turn: Gst.Element
) -> Gst.PadProbeReturn:
    """A phone notes how it was held: turn the small square, not the big picture."""
    event = info.get_event()
    if event is not None and event.type == Gst.EventType.TAG:
        told, held = event.parse_tag().get_string(Gst.TAG_IMAGE_ORIENTATION)
        if told and held in _TURNS:
            Gst.util_set_object_arg(turn, "video-direction", _TURNS[held])
    return Gst.PadProbeReturn.OK


def _cut_to_pane(
    _pad: Gst.Pad, info: Gst.PadProbeInfo, crop: Gst.Element, pane: Pane
) -> Gst.PadProbeReturn:
    """Cut between the last picture of one size and the first of another."""
    event = info.get_event()
    if event is not None and event.type == Gst.EventType.CAPS:
        form = event.parse_caps().get_structure(0)
        (_, width_px), (_, height_px) = form.get_int("width"), form.get_int("height")
        for side, cut_px in pane.margins(width_px, height_px)._asdict().items():
            crop.set_property(side, cut_px)
    return Gst.PadProbeReturn.OK
