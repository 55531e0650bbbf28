"""Translation of GStreamer's errors: cause and remedy in one line."""

from pipelines.errors import (
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceUnreadable,
)
from pipelines.redaction import redact
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.gstreamer.core import Gst, error_line

_RESOURCE = "gst-resource-error-quark"
_CORE = "gst-core-error-quark"

_NOT_THERE = {
    "rtsp": "the camera has no such stream; check the path",
    "device": "no such device; is the camera plugged in?",
    "file": "no such file",
    "test": "the test picture cannot be made",
}
_NOT_OPENED = {
    "rtsp": "no camera answers there; check host, port and network",
    "device": "the device cannot be opened; is it in use, or not permitted?",
    "file": "the file cannot be opened; check its permissions",
    "test": "the test picture cannot be made",
}


def source_error(address: CameraAddress, message: Gst.Message) -> SourceError:
    """Translate an error message from the bus of a camera's pipeline."""
    problem, _ = message.parse_error()
    shown, line = str(address), redact(error_line(message), address.secrets)
    domain, code = str(problem.domain), problem.code
    if domain == _RESOURCE:
        return _resource_error(address, code, line)
    if domain == _CORE and code == int(Gst.CoreError.MISSING_PLUGIN):
        return SourceUnreadable(shown, f"no decoder for it is installed ({line})")
    return SourceUnreadable(shown, f"cannot be decoded ({line})")


def _resource_error(address: CameraAddress, code: int, line: str) -> SourceError:
    shown = str(address)
    if code == int(Gst.ResourceError.NOT_AUTHORIZED):
        if address.user is None:
            return SourceRefused(shown, "the camera wants a user and a password")
        return SourceRefused(shown, "the camera refuses this user or password")
    if address.kind == "device" and _is_other_device(code, line):
        return SourceUnreadable(shown, f"this device is not a camera ({line})")
    if code == int(Gst.ResourceError.NOT_FOUND):
        return SourceNotFound(shown, _NOT_THERE[address.kind])
    opening = (
        Gst.ResourceError.OPEN_READ,
        Gst.ResourceError.OPEN_READ_WRITE,
        Gst.ResourceError.BUSY,
    )
    if code in map(int, opening):
        return SourceNotFound(shown, _NOT_OPENED[address.kind])
    return SourceUnreadable(shown, f"reading fails ({line})")


def _is_other_device(code: int, line: str) -> bool:
    """Return whether v4l2src opened a device that is not a camera.

    Many webcams have a second node for metadata, which is not a capture device.
    """
    return code == int(Gst.ResourceError.SETTINGS) or "not a capture device" in line
