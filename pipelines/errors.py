"""What can go wrong in the pipelines.

    PipelineError              every error below; its text is one line for a person
    ├── SourceError            a camera or wearable cannot be used as configured
    │   ├── SourceNotFound     the file, host or topic is not there
    │   ├── SourceUnreadable   it is there, and holds no stream that can be decoded
    │   └── SourceRefused      it wants credentials that were not given or not right
    ├── PayloadError           one message of a stream is malformed
    ├── FootageError           a footage folder or its labels.csv is malformed
    ├── DatasetError           a public data set or its lists are not as expected
    ├── BaselineError          a file of what is normal cannot be read or written
    ├── FolderError            a folder to write into cannot be made or written to
    └── TrainingError          a training run cannot begin, or go on where it stopped

Messages say what, where and what to do; they never hold credentials: every text that
an error is made of goes through ``pipelines.redaction`` first. ``args`` are the facts
that an error is made of, so that it comes back whole from another process.
"""

from collections.abc import Sequence

from pipelines.redaction import redact

_NAMES_SHOWN = 5
"""Of what is missing; the rest is counted."""


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
    """It is there, and holds no stream that can be decoded."""


class SourceRefused(SourceError):
    """It wants credentials that were not given or are not right."""


class PayloadError(PipelineError):
    """One message of a stream is malformed.

    ``where`` names the topic or file, ``field`` the part at fault.
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
    """A file that keeps what is normal cannot be read, believed or written."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = redact(path)
        self.problem = redact(problem)
        super().__init__(self.path, self.problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class FolderError(PipelineError):
    """A folder to write into cannot be made or written to."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = redact(path)
        self.problem = redact(problem)
        super().__init__(self.path, self.problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class TrainingError(PipelineError):
    """A training run cannot begin, or go on where it stopped.

    ``where`` names the file or the step at fault.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where = redact(where)
        self.problem = redact(problem)
        super().__init__(self.where, self.problem)

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class DatasetError(PipelineError):
    """A public data set, or a list of it, is not what its reader expects.

    ``where`` names the folder or the file and line, ``missing`` all that is not there;
    the text shows the first of them.
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
