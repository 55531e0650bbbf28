"""The format of a wearable's messages, in a subject's section of the file."""

from typing import Annotated, final

from pydantic import AfterValidator, Field, model_validator

from pipelines.sources.wearable.mapping import (
    AccelUnit,
    GyroUnit,
    PayloadMapping,
    TimeUnit,
)
from services.site.section import Section

Pointers = tuple[str, str, str] | tuple[str]


def _check_topic(topic: str) -> str:
    if "+" in topic or "#" in topic:
        msg = "a wildcard (+ or #) would mix the samples of several wearables"
        raise ValueError(msg)
    return topic


ImuTopic = Annotated[
    str, Field(min_length=1, max_length=1024), AfterValidator(_check_topic)
]
"""A whole topic."""


@final
class ImuFormatSettings(Section):
    """Where a vendor's JSON messages hold what, by JSON pointers (RFC 6901).

    A pointer that begins with ``./`` starts at each sample.
    """

    accel: Pointers = Field(
        description="Pointers to acceleration with gravity, x, y and z, or one to all"
        " three."
    )
    accel_unit: AccelUnit = Field("mps2", description="Its unit: mps2, g or mg.")
    accel_scale: float = Field(1.0, description="Factor of the raw numbers.")
    gyro: Pointers | None = Field(
        None, description="Pointers to turn rates; none without a gyroscope."
    )
    gyro_unit: GyroUnit = Field(
        "radps", description="Their unit: radps, degps or mdegps."
    )
    gyro_scale: float = Field(1.0, description="Factor of the raw numbers.")
    samples: str | None = Field(
        None,
        description="Pointer to the list of samples; none if a message is one sample"
        " or accel points at lists of numbers.",
    )
    time: str | None = Field(
        None,
        description="Pointer to the Unix time of the first sample, or with ./ of each;"
        " without it the last sample has the time of arrival.",
    )
    time_unit: TimeUnit = Field("s", description="Its unit: s, ms, us or ns.")
    rate_hz: float | str | None = Field(
        None,
        description="Samples a second, or a pointer to it; needed if a message holds"
        " several samples without times.",
    )

    @model_validator(mode="after")
    def _is_mapping(self) -> "ImuFormatSettings":
        self.build()
        return self

    def build(self) -> PayloadMapping:
        """Return the mapping for the source.

        Raises:
            ValueError: If a pointer is malformed or a scale is zero.
        """
        return PayloadMapping(**self.model_dump())
