"""Errors of the models.

    ModelError                 every error below; its text is one line for a person
    ├── CheckpointError        a checkpoint is missing, damaged or not a CLIP model
    ├── PromptSetError         a prompt set file is missing or malformed
    ├── CalibrationError       a calibration file is damaged or cannot be written
    ├── PointsError            a file of points is missing or malformed
    └── PersonModelError       a network file of the person finder is missing or wrong

A message says what is wrong, where, and what to do. ``args`` hold the facts of an
error, so that it survives pickling.
"""


class ModelError(Exception):
    """The base of every error of the models.

    Attributes:
        path: The file, folder or hub name at fault.
        problem: What is wrong with it.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(path, problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class CheckpointError(ModelError):
    """A checkpoint or an adaptation is missing, damaged or of another kind."""


class PromptSetError(ModelError):
    """A prompt set file is missing or malformed.

    ``line`` counts from one; ``field`` names the part at fault, as ``labels.walking``.
    Either is None where the problem has no such place.
    """

    def __init__(
        self,
        path: str,
        problem: str,
        *,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(path, problem)  # args do not hold line and field: see __dict__
        self.line = line
        self.field = field

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return ": ".join(filter(None, (place, self.field, self.problem)))


class CalibrationError(ModelError):
    """A calibration file is damaged or cannot be written."""


class PointsError(ModelError):
    """A file of points is missing or malformed."""


class PersonModelError(ModelError):
    """A network file of the person finder is missing, damaged or another one."""
