"""Tell a camera's device from a video file by its path."""

import re
import stat
from pathlib import Path

from pipelines.sources.camera.blocking_calls import answer_within

_ANSWER_S = 0.5
_VIDEO_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


def is_device(path: str) -> bool:
    """Say whether a path is a device rather than a file.

    A character device is one, wherever the path leads to it: udev makes links such as
    ``/dev/v4l/by-id/…``. What does not exist under ``/dev`` is a device that is not
    plugged in, unless its name ends like that of a file. A path that does not answer
    within half a second is a file.
    """
    mode = answer_within(path, lambda: Path(path).stat().st_mode, _ANSWER_S)
    if mode is not None:
        return stat.S_ISCHR(mode)
    under_dev = path.startswith("/dev/") and not path.startswith("/dev/shm/")
    return under_dev and _VIDEO_FILE.search(path) is None
