"""The errors of the pipelines.

    PipelineError              every error below; its text is one line for a person
    ├── SourceError            a camera or wearable cannot be used as configured
    │   ├── SourceNotFound     the file, host or topic is not there
    │   ├── SourceUnreadable   the source exists, but has no stream that can be decoded
    │   └── SourceRefused      the source rejects missing or wrong credentials
    ├── PayloadError           one message of a stream is malformed
    ├── FootageError           a footage folder or its labels.csv is malformed
    ├── DatasetError           a public data set or its lists are not as expected
    ├── BaselineError          a drift baseline file cannot be read or written
    ├── FolderError            an output folder cannot be created or written to
    └── TrainingError          a training run cannot start or resume

A message says what is wrong, where, and what to do. It never holds credentials: every
text in an error goes through ``pipelines.redaction`` first. ``args`` are the arguments
of the constructor, so that an error can be pickled and sent between processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipelines.redaction import redact

_NAMES_SHOWN = 5
"""Number of missing items that a message lists; the rest are counted."""


class FactsError(Exception):
    """An error whose facts are the fields of a dataclass, without credentials.

    ``template`` formats the fields; without one the facts are joined by colons.
    """

    template: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name, fact in vars(self).items():
            if isinstance(fact, str):
                setattr(self, name, redact(fact))
            elif isinstance(fact, Sequence):
                setattr(self, name, tuple(map(redact, fact)))
        self.args = tuple(vars(self).values())

    def __str__(self) -> str:
        return self.template.format(**vars(self)) or ": ".join(map(str, self.args))


class PipelineError(FactsError):
    """The base of every error of the pipelines."""


@dataclass(eq=False, repr=False)
class SourceError(PipelineError):
    """A camera or a wearable cannot be used as configured."""

    source: str
    problem: str


class SourceNotFound(SourceError):
    """The file, host or topic is not there."""


class SourceUnreadable(SourceError):
    """The source exists, but has no stream that can be decoded."""


class SourceRefused(SourceError):
    """The source rejects the credentials: they are missing or wrong."""


@dataclass(eq=False, repr=False)
class PayloadError(PipelineError):
    """One message of a stream is malformed.

    ``where`` names the topic or file, ``field`` the part that is wrong.
    """

    where: str
    field: str
    problem: str


@dataclass(eq=False, repr=False)
class FootageError(PipelineError):
    """A footage folder or its labels.csv is malformed; ``line`` counts from one."""

    path: str
    problem: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.problem}"


@dataclass(eq=False, repr=False)
class BaselineError(PipelineError):
    """A drift baseline file cannot be read or written, or is damaged."""

    path: str
    problem: str


@dataclass(eq=False, repr=False)
class FolderError(PipelineError):
    """An output folder cannot be created or written to."""

    path: str
    problem: str


@dataclass(eq=False, repr=False)
class TrainingError(PipelineError):
    """A training run cannot start or resume; ``where`` names the file or the step."""

    where: str
    problem: str


@dataclass(eq=False, repr=False)
class DatasetError(PipelineError):
    """A public data set, or one of its lists, is not what the reader expects.

    ``where`` names the folder, or the file and line. ``missing`` lists all missing
    items; the text shows the first five.
    """

    where: str
    problem: str
    missing: Sequence[str] = ()

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}"
        if self.missing:
            text += f": {', '.join(map(repr, self.missing[:_NAMES_SHOWN]))}"
        if len(self.missing) > _NAMES_SHOWN:
            text += f" and {len(self.missing) - _NAMES_SHOWN} more"
        return text
