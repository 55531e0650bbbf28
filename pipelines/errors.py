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

from pipelines.redaction import redact

_NAMES_SHOWN = 5
"""Number of missing items that a message lists; the rest are counted."""


class PipelineError(Exception):
    """The base of every error of the pipelines."""


class SourceError(PipelineError):
    """A camera or a wearable cannot be used as configured."""

    def __init__(self, source: str, problem: str) -> None:
        self.source = redact(source)
        self.problem = redact(problem)
        super().__init__(self.source, self.problem)

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}"


class SourceNotFound(SourceError):
    """The file, host or topic is not there."""


class SourceUnreadable(SourceError):
    """The source exists, but has no stream that can be decoded."""


class SourceRefused(SourceError):
    """The source rejects the credentials: they are missing or wrong."""


class PayloadError(PipelineError):
    """One message of a stream is malformed.

    ``where`` names the topic or file, ``field`` the part that is wrong.
    """

    def __init__(self, where: str, field: str, problem: str) -> None:
        self.where = redact(where)
        self.field = redact(field)
        self.problem = redact(problem)
        super().__init__(self.where, self.field, self.problem)

    def __str__(self) -> str:
        return f"{self.where}: {self.field}: {self.problem}"


class FootageError(PipelineError):
    """A footage folder or its labels.csv is malformed; ``line`` counts from one."""

    def __init__(self, path: str, problem: str, line: int | None = None) -> None:
        self.path = redact(path)
        self.line = line
        self.problem = redact(problem)
        super().__init__(self.path, self.problem, line)

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.problem}"


class BaselineError(PipelineError):
    """A drift baseline file cannot be read or written, or is damaged."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = redact(path)
        self.problem = redact(problem)
        super().__init__(self.path, self.problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class FolderError(PipelineError):
    """An output folder cannot be created or written to."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = redact(path)
        self.problem = redact(problem)
        super().__init__(self.path, self.problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class TrainingError(PipelineError):
    """A training run cannot start or resume.

    ``where`` names the file or the step that failed.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where = redact(where)
        self.problem = redact(problem)
        super().__init__(self.where, self.problem)

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class DatasetError(PipelineError):
    """A public data set, or one of its lists, is not what the reader expects.

    ``where`` names the folder, or the file and line. ``missing`` lists all missing
    items; the text shows the first five.
    """

    def __init__(self, where: str, problem: str, missing: Sequence[str] = ()) -> None:
        self.where = redact(where)
        self.problem = redact(problem)
        self.missing = tuple(map(redact, missing))
        super().__init__(self.where, self.problem, self.missing)

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}"
        if self.missing:
            text += f": {', '.join(map(repr, self.missing[:_NAMES_SHOWN]))}"
        if len(self.missing) > _NAMES_SHOWN:
            text += f" and {len(self.missing) - _NAMES_SHOWN} more"
        return text
