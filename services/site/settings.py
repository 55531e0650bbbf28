"""The configuration of a site: one frozen tree, every field with its unit.

``services.site.file`` reads it from YAML. A variable of the environment overrides its
field (``WARDWATCH_BROKER__PASSWORD``), which is the place for secrets. The pipelines
get plain arguments from methods here, never these objects.
"""

from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfoNotFoundError

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pipelines.clock import zone_of
from pipelines.errors import SourceError
from pipelines.live.alarm_hours import AlarmRules
from pipelines.live.bed import BedSettings
from pipelines.live.drift.settings import DriftSettings
from pipelines.live.events.settings import EventSettings
from pipelines.live.subject import WatchSettings
from pipelines.live.thinning import ThinningSettings
from pipelines.live.windows.assembler import WindowSettings
from pipelines.live.windows.wearable_wait import WearableWaitSettings
from pipelines.records import SourceRole
from pipelines.sources.camera.address import CameraAddress, with_login
from pipelines.sources.camera.framing import PAD, Framing, parse_framing
from services.site.alarms import (
    DEFAULT_LAYER,
    AlarmProfile,
    AlarmSettings,
    rule_layers,
)
from services.site.alertmanager import AlertmanagerSettings
from services.site.broker import BrokerSettings
from services.site.chain import (
    DriftWatchSettings,
    EventsSettings,
    WatcherSettings,
    WindowsSettings,
)
from services.site.clips import ClipConsent, ClipsSettings
from services.site.console import ConsoleSettings
from services.site.hub import HubSettings
from services.site.notify import NotifySettings
from services.site.recognizer import RecognizerSettings
from services.site.rtsp import RtspSettings
from services.site.section import (
    Name,
    Section,
    address_with_login,
    without_blanks,
)
from services.site.target import AlarmTarget
from services.site.wearable import ImuFormatSettings, ImuTopic
from services.site.webhooks import WebhookSettings
from services.site.zones import Zones

ENVIRONMENT_PREFIX = "WARDWATCH_"
ENVIRONMENT_NESTING = "__"

Target = TypeVar("Target", bound=AlarmTarget)

_TAKEN = ("alarm", "imu", "status", "technical")
"""Parts of other topics, which a subject's id must not be."""


class SubjectSettings(Section):
    """A subject to watch."""

    id: Name = Field(description="Name of the subject in topics, metrics and lines.")
    camera: SecretStr | None = Field(
        None,
        description="rtsp://…, a device such as /dev/video0 or /dev/v4l/by-id/…, a"
        " video file, or test. None for a wearable alone, which needs recognition of"
        " the kind is-clip, the shipped default.",
    )
    user: str | None = Field(
        None,
        min_length=1,
        description="User name for the camera; with password_file, instead of a login"
        " in the address.",
    )
    password_file: Path | None = Field(
        None, description="File that holds the user's password; read at each SIGHUP."
    )
    imu: Name | None = Field(
        None, description="Wearable that publishes to <prefix>/<site>/imu/<device>."
    )
    imu_topic: ImuTopic | None = Field(
        None, description="The wearable's whole topic, if it publishes elsewhere."
    )
    imu_format: ImuFormatSettings | None = Field(
        None, description="The form of its messages, if they are a vendor's."
    )
    rtsp: RtspSettings = Field(
        default_factory=lambda: RtspSettings(),
        description="Connection to an RTSP camera.",
    )
    crop: str | None = Field(
        None,
        description="Region of the picture to use: left, right or X,Y,WIDTH,HEIGHT in"
        " pixels, or all four as fractions, 0 to 1.",
    )
    zones: Zones = Field(
        (),
        description="Parts of the camera's picture; they need a view of people: pose or"
        " person.",
    )
    alarms: dict[str, AlarmSettings] = Field(
        {}, description="How events of this subject alarm, in place of the site's."
    )
    alarm_profiles: tuple[AlarmProfile, ...] = Field(
        (), description="How they alarm in some hours; the first that applies counts."
    )
    bed_exit_s: float = Field(
        BedSettings().exit_s,
        ge=0,
        le=600,
        description="Seconds out of the bed that are a bed exit.",
    )
    keep_poses: bool = Field(
        True,
        description="Whether the joints of everybody in view are kept with an alarm,"
        " from 30 s before to 60 s after it.",
    )
    clip: ClipConsent | None = Field(
        None,
        description="Whether a blurred clip of the camera is stored with each alarm,"
        " encrypted; it needs a consent, a camera and clips.key_file. None stores no"
        " picture.",
    )
    _address: SecretStr | None = PrivateAttr(None)
    """The camera's address with its login, so that a new password is a change."""

    @field_validator("id")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in _TAKEN:
            msg = f"{name!r} is part of other topics; choose another"
            raise ValueError(msg)
        return name

    @field_validator("camera")
    @classmethod
    def _is_address(cls, camera: SecretStr | None) -> SecretStr | None:
        if camera is not None:
            try:
                CameraAddress.parse(camera.get_secret_value())
            except SourceError as err:
                raise ValueError(str(err)) from None
        return camera

    @model_validator(mode="after")
    def _has_a_source(self) -> "SubjectSettings":
        if self.camera is None and self.imu is None:
            msg = "needs a camera, an imu, or both"
            raise ValueError(msg)
        if self.imu is None and (self.imu_topic or self.imu_format):
            msg = "imu_topic and imu_format need an imu, the wearable's name"
            raise ValueError(msg)
        if self.camera is None and self.zones:
            msg = "zones need a camera"
            raise ValueError(msg)
        if self.camera is None and self.clip is not None:
            msg = "clip needs a camera"
            raise ValueError(msg)
        return self

    @field_validator("crop")
    @classmethod
    def _is_pane(cls, crop: str | None) -> str | None:
        if crop is not None:
            parse_framing(crop)
        return crop

    @model_validator(mode="after")
    def _has_one_login(self) -> "SubjectSettings":
        self._address = address_with_login(self.camera, self.user, self.password_file)
        return self

    @property
    def camera_address(self) -> str | None:
        """The camera's address with its login, or None."""
        return None if self._address is None else self._address.get_secret_value()

    @property
    def sources(self) -> list[SourceRole]:
        """The configured sources."""
        given: dict[SourceRole, object] = {"camera": self.camera, "imu": self.imu}
        return [role for role, source in given.items() if source is not None]

    @property
    def framing(self) -> Framing:
        """The conversion of a picture to a square."""
        return PAD if self.crop is None else parse_framing(self.crop)


class Site(BaseSettings):
    """One site: a broker, subjects, and settings of their watching."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=ENVIRONMENT_NESTING,
        env_ignore_empty=True,
        json_schema_extra={"patternProperties": {"^x-": {}}},
    )

    site: Name = Field(description="Name of the site in every topic.")
    broker: BrokerSettings = Field(default_factory=lambda: BrokerSettings())
    subjects: tuple[SubjectSettings, ...] = Field((), description="Subjects to watch.")
    recognizer: RecognizerSettings = Field(default_factory=lambda: RecognizerSettings())
    watchers: WatcherSettings = Field(default_factory=lambda: WatcherSettings())
    windows: WindowsSettings = Field(default_factory=lambda: WindowsSettings())
    events: EventsSettings = Field(default_factory=lambda: EventsSettings())
    drift: DriftWatchSettings = Field(default_factory=lambda: DriftWatchSettings())
    alarms: dict[str, AlarmSettings] = Field(
        {},
        description="How events alarm, by their names; fall, long lie and bed exit"
        " alarm by default.",
    )
    alarm_profiles: tuple[AlarmProfile, ...] = Field(
        (), description="How they alarm in some hours; the first that applies counts."
    )
    technical_alarms: bool = Field(
        True, description="Whether faults of sources and of recognition alarm."
    )
    technical_after_s: float = Field(
        60.0,
        ge=0,
        le=86400,
        description="Seconds that such a fault lasts before it alarms.",
    )
    timezone: str = Field(
        "UTC",
        description="Time zone of these hours, of the console and of messages to"
        " phones, as Europe/Berlin.",
    )
    notify: tuple[NotifySettings, ...] = Field(
        (), description="Phones, chats and mailboxes that get alarms beside MQTT."
    )
    webhooks: tuple[WebhookSettings, ...] = Field(
        (), description="Web servers that get alarms as JSON."
    )
    alertmanager: AlertmanagerSettings | None = Field(
        None, description="An Alertmanager that gets every open alarm as an alert."
    )
    clips: ClipsSettings | None = Field(
        None, description="Encryption of blurred clips, of subjects with clip."
    )
    hub: HubSettings = Field(default_factory=lambda: HubSettings())
    console: ConsoleSettings | None = Field(
        None, description="Web pages for carers; `wardwatch run` serves them if given."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment before the file, and nothing else."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @model_validator(mode="before")
    @classmethod
    def _blank_is_default(cls, values: object) -> object:
        return without_blanks(values, cls.model_fields)

    @field_validator("subjects")
    @classmethod
    def _ids_differ(
        cls, subjects: tuple[SubjectSettings, ...]
    ) -> tuple[SubjectSettings, ...]:
        ids = [subject.id for subject in subjects]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            msg = f"every subject needs another id, two are {twice[0]!r}"
            raise ValueError(msg)
        return subjects

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, name: str) -> str:
        try:
            zone_of(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            msg = "no such time zone; expected one as Europe/Berlin, of package tzdata"
            raise ValueError(msg) from None
        return name

    @field_validator("notify", "webhooks")
    @classmethod
    def _targets_differ(
        cls, targets: tuple[Target, ...], info: ValidationInfo
    ) -> tuple[Target, ...]:
        others: tuple[NotifySettings, ...] = info.data.get("notify", ())
        everybody: tuple[AlarmTarget, ...] = (*targets, *others)
        names = [target.name for target in everybody]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"every target needs another name, two are {twice[0]!r}"
            raise ValueError(msg)
        return targets

    @model_validator(mode="after")
    def _fits_together(self) -> "Site":
        self.watch_settings()
        if self.console is not None and self.console.port == self.hub.port != 0:
            msg = f"hub.port and console.port are both {self.hub.port}; change one"
            raise ValueError(msg)
        consenting = [subject.id for subject in self.subjects if subject.clip]
        if consenting and self.clips is None:
            msg = (
                f"subject {consenting[0]} has clip, which needs clips.key_file;"
                " wardwatch clip-key FILE makes one"
            )
            raise ValueError(msg)
        return self

    @property
    def clip_subjects(self) -> list[str]:
        """The subjects of which blurred clips are stored: they consent to it."""
        if self.clips is None:  # added while the service runs, it waits for a start
            return []
        return [subject.id for subject in self.subjects if subject.clip is not None]

    def watch_settings(self) -> WatchSettings:
        """Return the chain's settings.

        Raises:
            ValueError: If values do not fit each other.
        """
        return WatchSettings(
            windows=WindowSettings(
                self.windows.frames, self.windows.seconds, self.windows.stride
            ),
            events=EventSettings(**self.events.model_dump()),
            drift=DriftSettings(**self.drift.model_dump()),
            wearable_wait=WearableWaitSettings(self.windows.wearable_wait_s),
            thinning=ThinningSettings(
                overloaded_after_s=self.watchers.overloaded_after_s
            ),
            people=self.recognizer.people,
        )

    def alarm_rules(self) -> dict[str, AlarmRules]:
        """Return each subject's rules of its events that alarm."""
        common = self.common_alarm_rules()
        return {
            subject.id: AlarmRules(
                rule_layers(subject.alarm_profiles, subject.alarms) + common.layers,
                common.timezone,
            )
            for subject in self.subjects
        }

    def common_alarm_rules(self) -> AlarmRules:
        """Return the rules of subjects without rules of their own."""
        layers = rule_layers(self.alarm_profiles, self.alarms)
        return AlarmRules((*layers, DEFAULT_LAYER), self.timezone)

    def imu_address(self, device: str, topic: str | None = None) -> str:
        """Return the address of a wearable's topic, with the broker's login.

        ``topic`` is that of a wearable that publishes elsewhere.
        """
        broker = self.broker
        topic = topic or f"{broker.prefix}/{self.site}/imu/{device}"
        host = f"[{broker.host}]" if ":" in broker.host else broker.host
        address = f"mqtt://{host}:{broker.port}/{topic}"
        if broker.user is None:
            return address
        return with_login(address, broker.user, broker.secret())
