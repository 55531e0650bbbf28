"""What can go wrong in the models.

    ModelError                 every error below; its text is one line for a person
    ├── CheckpointError        a checkpoint is missing, damaged or not a CLIP model
    ├── PromptSetError         a prompt set file is missing or malformed
    └── CalibrationError       a calibration file is damaged or cannot be written

Messages say what, where and what to do. ``args`` are the facts that an error is made
of, so that it comes back whole from another process.
"""


class ModelError(Exception):
    """The base of every error of the models."""


class CheckpointError(ModelError):
    """A checkpoint, or an adaptation of one, is missing, damaged or something else.

    ``checkpoint`` is the folder, the hub name, or the adaptation's file.
    """

    def __init__(self, checkpoint: str, problem: str) -> None:
        self.checkpoint = checkpoint
        self.problem = problem
        super().__init__(checkpoint, problem)

    def __str__(self) -> str:
        return f"{self.checkpoint}: {self.problem}"


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
        self.path = path
        self.line = line
        self.field = field
        self.problem = problem
        super().__init__(path, problem)  # line and field are kept by their names

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return ": ".join(filter(None, (place, self.field, self.problem)))


class CalibrationError(ModelError):
    """A calibration file is damaged or cannot be written; ``path`` is the file."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(path, problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"
