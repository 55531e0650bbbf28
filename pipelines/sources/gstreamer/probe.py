"""Check that the installed GStreamer has everything that wardwatch needs.

``gi`` is imported inside the functions, unlike in ``pipelines.sources.gstreamer.core``,
because a missing library is a result here.
"""

from dataclasses import dataclass

OLDEST_VERSION = (1, 22)
"""The first version whose ``rtspsrc`` passes on the sender's capture times."""

ELEMENT_PACKAGES = {
    "appsink": "gstreamer1.0-plugins-base",
    "appsrc": "gstreamer1.0-plugins-base",
    "decodebin": "gstreamer1.0-plugins-base",
    "videoconvert": "gstreamer1.0-plugins-base",
    "videoscale": "gstreamer1.0-plugins-base",
    "videotestsrc": "gstreamer1.0-plugins-base",
    "jpegdec": "gstreamer1.0-plugins-good",
    "matroskademux": "gstreamer1.0-plugins-good",
    "mp4mux": "gstreamer1.0-plugins-good",
    "qtdemux": "gstreamer1.0-plugins-good",
    "rtph264depay": "gstreamer1.0-plugins-good",
    "rtph264pay": "gstreamer1.0-plugins-good",
    "rtph265depay": "gstreamer1.0-plugins-good",
    "rtspsrc": "gstreamer1.0-plugins-good",
    "v4l2src": "gstreamer1.0-plugins-good",
    "videocrop": "gstreamer1.0-plugins-good",
    "videoflip": "gstreamer1.0-plugins-good",
    "h264parse": "gstreamer1.0-plugins-bad",
    "h265parse": "gstreamer1.0-plugins-bad",
    "x264enc": "gstreamer1.0-plugins-ugly",
    "avdec_h264": "gstreamer1.0-libav",
    "avdec_h265": "gstreamer1.0-libav",
}
"""The elements that cameras, footage and the demo need, with their packages."""


@dataclass(frozen=True, slots=True)
class GStreamerProbe:
    """Result of a check of the installed GStreamer.

    Attributes:
        version: Version of GStreamer; None if GStreamer cannot be used.
        problem: Reason why GStreamer cannot be used; empty if it can.
        missing_elements: Elements of ``ELEMENT_PACKAGES`` that are not installed.
        rtsp_server: Whether the RTSP server for the demo is installed.
        tls: Whether TLS for ``rtsps://`` cameras is installed.
    """

    version: tuple[int, int, int] | None
    problem: str
    missing_elements: tuple[str, ...]
    rtsp_server: bool
    tls: bool = False


def probe_gstreamer() -> GStreamerProbe:
    """Check for GStreamer, its elements, its RTSP server and TLS."""
    try:
        import gi

        gi.require_version("Gst", "1.0")
        gi.require_version("GstApp", "1.0")
        gi.require_version("GstVideo", "1.0")
        from gi.repository import Gst
    except (ImportError, ValueError) as err:
        return GStreamerProbe(None, str(err), tuple(ELEMENT_PACKAGES), False)
    Gst.init(None)
    major, minor, micro, _ = Gst.version()
    missing = [
        name for name in ELEMENT_PACKAGES if Gst.ElementFactory.find(name) is None
    ]
    version = (major, minor, micro)
    return GStreamerProbe(version, "", tuple(missing), _has_rtsp_server(), _has_tls())


def _has_tls() -> bool:
    from gi.repository import Gio

    return Gio.TlsBackend.get_default().supports_tls()


def _has_rtsp_server() -> bool:
    import gi

    try:
        gi.require_version("GstRtspServer", "1.0")
        from gi.repository import GstRtspServer  # noqa: F401 loading it is the test
    except (ImportError, ValueError):
        return False
    return True
