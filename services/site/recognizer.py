"""The section ``recognizer`` of a site's file."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from models.clip.card import View
from models.clip.picture_tower import Backend
from pipelines.live.subject import MOST_PEOPLE, WatchSettings
from services.site.section import Section


class RecognizerSettings(Section):
    """Recognition: the model and its replicas."""

    model: str | None = Field(
        None, description="Checkpoint: a folder or a hub name; the shipped one if none."
    )
    prompts: Path | None = Field(
        None, description="File of the prompt set; the shipped one if none."
    )
    calibration: Path | None = Field(
        None, description="File of calibrations; the one beside the checkpoint if none."
    )
    adaptation: Path | None = Field(
        None,
        description="File that `wardwatch train csn`, `is-clip` or `sc-clip` wrote:"
        " another kind of recognition on the same checkpoint; none for temporal clip"
        " averaging. IS-CLIP as shipped if this is not given and all else is as"
        " shipped.",
    )
    view: View | None = Field(
        None,
        description="What the checkpoint looks at: picture (the camera's picture),"
        " person (each person alone, the background black) or pose (drawn joints); as"
        " its card says if none. A checkpoint of poses takes pose alone, and any other"
        " picture or person.",
    )
    temporal: Literal["clip", "single"] = Field(
        "clip",
        description="Use of a window's frames: their average, or the middle one.",
    )
    device: str = Field("cpu", description="Device of torch: cpu, cuda, cuda:1.")
    backend: Backend = Field(
        "auto",
        description="What computes the picture tower: torch, openvino (the same"
        " scores), openvino-bf16 or openvino-int8 (other scores: calibrate again)."
        " auto takes openvino-int8 if `wardwatch model quantize` has made its files,"
        " else the faster of the first two.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        description="Threads of the model in each replica; shares all cores if none.",
    )
    replicas: int = Field(
        1, ge=1, le=64, description="Least number of replicas, 1 to 64."
    )
    most_replicas: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Greatest number of replicas under load; fixed if none.",
    )
    people: int = Field(
        WatchSettings().people,
        ge=1,
        le=MOST_PEOPLE,
        description="Most people followed in one camera's view, 1 to 4, by a checkpoint"
        " that looks at people; each costs the watcher time.",
    )

    @model_validator(mode="after")
    def _range(self) -> "RecognizerSettings":
        if self.most_replicas is not None and self.most_replicas < self.replicas:
            msg = f"most_replicas is {self.most_replicas}, fewer than {self.replicas}"
            raise ValueError(msg)
        return self
