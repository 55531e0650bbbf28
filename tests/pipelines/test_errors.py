"""Errors come whole out of another process, where they are pickled."""

import pickle

import pytest

from models import errors as model_errors
from models.errors import (
    CalibrationError,
    CheckpointError,
    ModelError,
    PersonModelError,
    PointsError,
    PromptSetError,
)
from pipelines import errors as pipeline_errors
from pipelines.errors import (
    BaselineError,
    DatasetError,
    FolderError,
    FootageError,
    PayloadError,
    PipelineError,
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceUnreadable,
    TrainingError,
)

ERRORS = {
    PipelineError("no picture"): "no picture",
    SourceError("a.mp4", "empty"): "a.mp4: empty",
    SourceNotFound("a.mp4", "no such file"): "a.mp4: no such file",
    SourceUnreadable("a.mp4", "no video"): "a.mp4: no video",
    SourceRefused("rtsp://ward", "password?"): "rtsp://ward: password?",
    PayloadError("ward/imu", "v", "missing"): "ward/imu: v: missing",
    DatasetError("ucf", "no video", ("a", "b")): "ucf: no video: 'a', 'b'",
    FootageError("labels.csv", "no rows"): "labels.csv: no rows",
    FootageError("labels.csv", "not CSV", 7): "labels.csv:7: not CSV",
    BaselineError("b.json", "damaged"): "b.json: damaged",
    FolderError("out", "is a file"): "out: is a file",
    TrainingError("recipe.json", "another"): "recipe.json: another",
    ModelError("x.bin", "damaged"): "x.bin: damaged",
    CheckpointError("small", "no folder"): "small: no folder",
    CalibrationError("c.json", "damaged"): "c.json: damaged",
    PersonModelError("d.tflite", "missing"): "d.tflite: missing",
    PointsError("p.json", "damaged"): "p.json: damaged",
    PromptSetError("x.yaml", "missing"): "x.yaml: missing",
    PromptSetError("x.yaml", "empty", line=3): "x.yaml:3: empty",
    PromptSetError(
        "x.yaml", "twice", line=3, field="labels.a"
    ): "x.yaml:3: labels.a: twice",
}


@pytest.mark.parametrize(("error", "text"), ERRORS.items())
def test_an_error_keeps_its_kind_its_facts_and_its_text(
    error: Exception, text: str
) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), text, vars(error))


def test_every_error_is_among_them() -> None:
    every = {
        it
        for module in (model_errors, pipeline_errors)
        for it in vars(module).values()
        if isinstance(it, type) and issubclass(it, Exception)
    } - {pipeline_errors.FactsError}
    assert {type(error) for error in ERRORS} == every
