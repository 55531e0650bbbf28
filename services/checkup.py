"""Real checks of what wardwatch needs of a machine: decoders, a broker, torch.

``services.commands.doctor`` prints them.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.bundled import CHECKPOINT_FOLDER
from models.errors import ModelError
from pipelines.sources.gstreamer.probe import (
    ELEMENT_PACKAGES,
    OLDEST_VERSION,
    GStreamerProbe,
    probe_gstreamer,
)
from services.demo.broker import Broker, BrokerFailed

BYTES_PER_GIB = 2**30
DISK_NEEDED_GIB = 2.0
"""Enough for some simulated footage and a checkpoint in training."""

MEMORY_NEEDED_GIB = 2.0
"""Enough for torch, a model and a few cameras."""

CORES_NEEDED = 2
"""One for the model, one for the cameras."""

BOOTSTRAP = "make bootstrap"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: What was checked.
        ok: Whether the check passed.
        detail: What was found, one line.
        fix: A command to run or a thing to do; empty if the check passed.
        needed: Whether wardwatch cannot work without it.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


def judge(name: str, ok: bool, detail: str, fix: str, *, needed: bool = True) -> Check:
    """Return a check; ``fix`` is left out if the check passed."""
    return Check(name, ok, detail, "" if ok else fix, needed)


def check_python() -> Check:
    """Return the running Python; an older one cannot import this module."""
    return Check("Python", True, _dotted(sys.version_info[:3]))


def check_gstreamer(found: GStreamerProbe) -> Check:
    """Check GStreamer's version."""
    name = "GStreamer"
    if found.version is None:
        return Check(name, False, found.problem, BOOTSTRAP)
    ok, detail = found.version >= OLDEST_VERSION, _dotted(found.version)
    if not ok:
        detail += f": {_dotted(OLDEST_VERSION)} or newer is needed"
    return judge(name, ok, detail, "use Debian 12, Ubuntu 24.04 or newer")


def check_elements(found: GStreamerProbe) -> Check:
    """Check that all of GStreamer's elements are installed."""
    missing = found.missing_elements
    packages = sorted({ELEMENT_PACKAGES[element] for element in missing})
    detail = f"all {len(ELEMENT_PACKAGES)} are installed"
    if missing:
        detail = f"missing: {', '.join(missing)}"
    return judge("GStreamer elements", not missing, detail, apt_line(*packages))


def check_rtsp_server(found: GStreamerProbe) -> Check:
    """Check that the demo can serve its cameras."""
    ok, fix = found.rtsp_server, apt_line("gir1.2-gst-rtsp-server-1.0")
    detail = "GstRtspServer" if ok else "its introspection data is missing"
    return judge("RTSP server", ok, detail, fix)


def check_tls(found: GStreamerProbe) -> Check:
    """Check that cameras can be reached by ``rtsps://``."""
    ok, fix = found.tls, apt_line("glib-networking")
    detail = "rtsps://" if ok else "GLib has no TLS"
    return judge("cameras over TLS", ok, detail, fix, needed=False)


def apt_line(*packages: str) -> str:
    """Return the command that installs system packages on Debian and Ubuntu."""
    return f"sudo apt-get install {' '.join(packages)}"


def check_broker() -> Check:
    """Start and stop the private broker of the demo."""
    try:
        with Broker() as broker:
            return Check("mosquitto", True, f"started on port {broker.port}")
    except BrokerFailed as err:
        return Check("mosquitto", False, _one_line(err), apt_line("mosquitto"))


def check_torch() -> Check:
    """Multiply two matrices with torch, and find its device."""
    try:
        import torch

        torch.ones(2, 2).matmul(torch.ones(2, 2))
    except (ImportError, OSError, RuntimeError) as err:
        return Check("torch", False, _one_line(err), BOOTSTRAP)
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return Check("torch", True, f"{torch.__version__} on {card}")


def check_checkpoint(folder: Path) -> Check:
    """Load the shipped checkpoint completely."""
    name = "bundled checkpoint"
    try:
        from models.clip.encoder import load_clip

        size_px = load_clip(folder).image_size_px
    except (ImportError, ModelError) as err:
        fix = "git checkout models/bundled, or wardwatch train default"
        return Check(name, False, _one_line(err), fix)
    return Check(name, True, f"{folder.name}, pictures of {size_px} pixels")


def check_person_finder() -> Check:
    """Load the person finder's networks, which recognition by pose needs."""
    name = "person finder"
    try:
        from models.person.finder import PersonFinder

        PersonFinder()
    except (ImportError, ModelError) as err:
        return Check(name, False, _one_line(err), BOOTSTRAP, needed=False)
    return Check(name, True, "BlazePose detector and landmarks", needed=False)


def check_disk(folder: Path) -> Check:
    """Check the free space in ``folder``."""
    free_gib = shutil.disk_usage(folder).free / BYTES_PER_GIB
    detail = f"{free_gib:.1f} GiB free in {folder}"
    fix = f"free {DISK_NEEDED_GIB:g} GiB or work in another folder"
    return judge("disk", free_gib >= DISK_NEEDED_GIB, detail, fix, needed=False)


def check_memory() -> Check:
    """Check the size of the machine's memory."""
    size_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    size_gib = size_bytes / BYTES_PER_GIB
    fix = f"{MEMORY_NEEDED_GIB:g} GiB are comfortable: watch fewer cameras"
    ok, detail = size_gib >= MEMORY_NEEDED_GIB, f"{size_gib:.1f} GiB"
    return judge("memory", ok, detail, fix, needed=False)


def check_cores() -> Check:
    """Check the number of processor cores that this process may use."""
    cores = len(os.sched_getaffinity(0))
    fix = f"pictures may be late: {CORES_NEEDED} cores keep up with a camera"
    return judge("cores", cores >= CORES_NEEDED, f"{cores} usable", fix, needed=False)


def _one_line(err: Exception) -> str:
    return " ".join(str(err).split()) or type(err).__name__


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def run_checks(folder: Path) -> Iterator[Check]:
    """Run every check; ``folder`` is the folder of footage and results."""
    yield check_python()
    found = probe_gstreamer()
    for check in (check_gstreamer, check_elements, check_rtsp_server, check_tls):
        yield check(found)
    yield check_broker()
    yield check_torch()
    yield check_checkpoint(CHECKPOINT_FOLDER)
    yield check_person_finder()
    yield check_disk(folder)
    yield check_memory()
    yield check_cores()
