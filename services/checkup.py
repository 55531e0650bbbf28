"""Checks of a machine by real use: pictures, decoders, a broker.

Each check answers with a ``Check``; ``services.commands.doctor`` shows them.
"""

import os
import shutil
import sys
from collections.abc import Iterator
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
"""Room for some simulated footage and a checkpoint in training."""

MEMORY_NEEDED_GIB = 2.0
"""Room for torch, a model and a few cameras."""

CORES_NEEDED = 2
"""One for the model, one for the cameras."""

BOOTSTRAP = "make bootstrap"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        ok: Whether it is as it should be.
        detail: What was found, one line.
        fix: The line to run or what to do; empty where all is well.
        needed: Whether wardwatch cannot do its work without it.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


def check_python() -> Check:
    """Tell the running Python; an older one could not have come this far."""
    return Check("Python", True, ".".join(map(str, sys.version_info[:3])))


def check_gstreamer(found: GStreamerProbe) -> Check:
    """Judge GStreamer's version."""
    name = "GStreamer"
    if found.version is None:
        return Check(name, False, found.problem, BOOTSTRAP)
    version = ".".join(map(str, found.version))
    if found.version < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        fix = "use Debian 12, Ubuntu 24.04 or newer"
        return Check(name, False, f"{version}: {oldest} or newer is needed", fix)
    return Check(name, True, version)


def check_elements(found: GStreamerProbe) -> Check:
    """Judge which of GStreamer's elements are there."""
    name, missing = "GStreamer elements", found.missing_elements
    if not missing:
        return Check(name, True, f"all {len(ELEMENT_PACKAGES)} are there")
    packages = sorted({ELEMENT_PACKAGES[element] for element in missing})
    return Check(name, False, f"missing: {', '.join(missing)}", apt_line(*packages))


def check_rtsp_server(found: GStreamerProbe) -> Check:
    """Judge whether the demo can serve its cameras."""
    name = "RTSP server"
    if found.rtsp_server:
        return Check(name, True, "GstRtspServer")
    fix = apt_line("gir1.2-gst-rtsp-server-1.0")
    return Check(name, False, "its introspection data is missing", fix)


def check_tls(found: GStreamerProbe) -> Check:
    """Judge whether cameras can be reached by ``rtsps://``."""
    name = "cameras over TLS"
    if found.tls:
        return Check(name, True, "rtsps://", needed=False)
    fix = apt_line("glib-networking")
    return Check(name, False, "GLib has no TLS", fix, needed=False)


def apt_line(*packages: str) -> str:
    """Return the line that installs system packages on Debian and Ubuntu."""
    return f"sudo apt-get install {' '.join(packages)}"


def check_broker() -> Check:
    """Start the private broker of the demo, and stop it again."""
    try:
        with Broker() as broker:
            return Check("mosquitto", True, f"started on port {broker.port}")
    except BrokerFailed as err:
        return Check("mosquitto", False, _one_line(err), apt_line("mosquitto"))


def check_torch() -> Check:
    """Let torch multiply two matrices, and see what it runs on."""
    try:
        import torch

        torch.ones(2, 2).matmul(torch.ones(2, 2))
    except (ImportError, OSError, RuntimeError) as err:
        return Check("torch", False, _one_line(err), BOOTSTRAP)
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return Check("torch", True, f"{torch.__version__} on {card}")


def check_checkpoint(folder: Path) -> Check:
    """Load the bundled checkpoint whole."""
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
    """Look at the room left where ``folder`` is."""
    free_gib = shutil.disk_usage(folder).free / BYTES_PER_GIB
    detail = f"{free_gib:.1f} GiB free in {folder}"
    if free_gib >= DISK_NEEDED_GIB:
        return Check("disk", True, detail, needed=False)
    fix = f"free {DISK_NEEDED_GIB:g} GiB or work in another folder"
    return Check("disk", False, detail, fix, needed=False)


def check_memory() -> Check:
    """Look at the memory built into the machine."""
    size_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    size_gib = size_bytes / BYTES_PER_GIB
    detail = f"{size_gib:.1f} GiB"
    if size_gib >= MEMORY_NEEDED_GIB:
        return Check("memory", True, detail, needed=False)
    fix = f"{MEMORY_NEEDED_GIB:g} GiB are comfortable: watch fewer cameras"
    return Check("memory", False, detail, fix, needed=False)


def check_cores() -> Check:
    """Count the processor cores that this process may use."""
    cores = len(os.sched_getaffinity(0))
    detail = f"{cores} usable"
    if cores >= CORES_NEEDED:
        return Check("cores", True, detail, needed=False)
    fix = f"pictures may be late: {CORES_NEEDED} cores keep up with a camera"
    return Check("cores", False, detail, fix, needed=False)


def _one_line(err: Exception) -> str:
    return " ".join(str(err).split()) or type(err).__name__


def run_checks(folder: Path) -> Iterator[Check]:
    """Make every check; ``folder`` is where footage and results would go."""
    yield check_python()
    found = probe_gstreamer()
    yield check_gstreamer(found)
    yield check_elements(found)
    yield check_rtsp_server(found)
    yield check_tls(found)
    yield check_broker()
    yield check_torch()
    yield check_checkpoint(CHECKPOINT_FOLDER)
    yield check_person_finder()
    yield check_disk(folder)
    yield check_memory()
    yield check_cores()
