"""Distinction of camera devices from video files by path."""

import re
import stat
from pathlib import Path

from pipelines.sources.camera.blocking_calls import answer_within

_ANSWER_S = 0.5
_VIDEO_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


def is_device(path: str) -> bool:
    """Return whether a path is a device rather than a file.

    A path to a character device is a device, also through links such as udev's
    ``/dev/v4l/by-id/…``. A missing path under ``/dev`` is an unplugged device, unless
    it ends in a file suffix. A path that does not answer within half a second is a
    file, unless it is under ``/dev`` as above.
    """
    mode = answer_within(path, lambda: Path(path).stat().st_mode, _ANSWER_S)
    if mode is not None:
        return stat.S_ISCHR(mode)
    under_dev = path.startswith("/dev/") and not path.startswith("/dev/shm/")
    return under_dev and _VIDEO_FILE.search(path) is None
