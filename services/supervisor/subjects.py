"""What a site says of its subjects, as watchers get it, and what is refused."""

from pipelines.live.bed import BedSettings
from pipelines.recognition import RecognizerInfo
from services.errors import SettingsError
from services.site.settings import Site, SubjectSettings
from services.watcher.watched import ClipOrder, WatchedSubject


def watched_subject(
    site: Site, subject: SubjectSettings, clip_key: str | None = None
) -> WatchedSubject:
    """Return what a watcher needs of a subject.

    Args:
        site: The site.
        subject: One of its subjects.
        clip_key: The key of blurred clips, which only subjects with a consent get.
    """
    wearable = subject.imu and site.imu_address(subject.imu, subject.imu_topic)
    form = subject.imu_format
    return WatchedSubject(
        subject_id=subject.id,
        camera=subject.camera_address,
        wearable=wearable,
        wearable_form=None if form is None else form.build(),
        framing=subject.framing,
        tls=site.broker.tls,
        rtsp=subject.rtsp.build(),
        zones=tuple(zone.build() for zone in subject.zones),
        bed=BedSettings(exit_s=subject.bed_exit_s),
        keep_poses=subject.keep_poses,
        clips=_clip_order(site, subject, clip_key),
    )


def _clip_order(
    site: Site, subject: SubjectSettings, key: str | None
) -> ClipOrder | None:
    if subject.clip is None or key is None:
        return None
    alarming = site.alarm_rules()[subject.id].alarming
    return ClipOrder(tuple(sorted(alarming)), key)


def refuse_blind(site: Site, needs_frames: bool) -> None:
    """Refuse subjects without a camera if recognition needs frames.

    Raises:
        SettingsError: If there is such a subject.
    """
    blind = [subject.id for subject in site.subjects if subject.camera is None]
    if blind and needs_frames:
        problem = (
            f"subject {blind[0]} has no camera, and a wearable alone needs recognition"
            " of the kind is-clip, the default for the shipped checkpoint, prompts and"
            " windows; add a camera, or remove the recognizer settings"
        )
        raise SettingsError([problem])


def refuse_unseen_zones(site: Site, info: RecognizerInfo) -> None:
    """Refuse zones if recognition looks at whole pictures.

    Raises:
        SettingsError: If a subject has zones.
    """
    zoned = [subject.id for subject in site.subjects if subject.zones]
    if zoned and info.view == "picture":
        problem = (
            f"subject {zoned[0]} has zones, and {info.model} is shown whole pictures,"
            " in which no people are found; set recognizer.view to person, or"
            " recognizer.model to a checkpoint of poses, or remove the zones"
        )
        raise SettingsError([problem])
