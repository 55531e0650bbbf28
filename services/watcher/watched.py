"""A subject as a watcher gets it: plain facts, which may cross processes."""

import hashlib
from dataclasses import dataclass, field

from pipelines.live.bed import BedSettings
from pipelines.live.zones import Zone
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.framing import Framing
from pipelines.sources.camera.rtsp_access import SYSTEM_TRUST, RtspAccess
from pipelines.sources.wearable.mapping import PayloadMapping
from services.site.broker import Tls


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """Blurred clips of a subject that consents to them.

    Attributes:
        events: Names of the events that get one.
        key: The key that they are encrypted with.
    """

    events: tuple[str, ...]
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WatchedSubject:
    """A subject with its sources; ``repr`` shows no credentials.

    A subject may have no camera or no wearable.

    Attributes:
        framing: How a picture becomes square.
        wearable_form: Description of the wearable's messages, if they are a vendor's.
        tls: How the wearable's broker is trusted; None for no TLS.
        rtsp: How an RTSP camera is reached and trusted.
        bed: When a person is in bed.
        keep_poses: Whether the hub keeps poses with alarms.
        clips: Blurred clips of alarms; None without a consent to them.
    """

    subject_id: str
    camera: str | None = field(repr=False)
    wearable: str | None = field(repr=False)
    framing: Framing
    wearable_form: PayloadMapping | None = None
    tls: Tls | None = None
    rtsp: RtspAccess = SYSTEM_TRUST
    zones: tuple[Zone, ...] = ()
    bed: BedSettings = field(default_factory=BedSettings)
    keep_poses: bool = True
    clips: ClipOrder | None = None


def camera_name(watched: WatchedSubject) -> str:
    """Name a view without credentials; each view has its own baseline."""
    if watched.camera is None:
        return "no camera"
    return f"{CameraAddress.parse(watched.camera).view_name} {watched.framing}"


def configuration_hash(watched: WatchedSubject) -> str:
    """Return a hash of a subject's configuration; it reveals no credentials."""
    facts = (
        *(watched.camera, watched.wearable, watched.wearable_form, watched.framing),
        *(watched.tls, watched.rtsp, watched.zones, watched.bed, watched.keep_poses),
        watched.clips,
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()
