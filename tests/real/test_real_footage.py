import os
from pathlib import Path

import pytest

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.clock import seconds_to_ns
from pipelines.lab.data.footage import Footage, Recording, read_footage
from pipelines.lab.data.truth import OTHER, Truth, read_truth

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "WARDWATCH_FOOTAGE" not in os.environ, reason="WARDWATCH_FOOTAGE is not set"
    ),
]


@pytest.fixture(scope="module")
def footage() -> Footage:
    return read_footage(Path(os.environ["WARDWATCH_FOOTAGE"]))


@pytest.fixture(scope="module")
def truths(footage: Footage) -> list[tuple[Recording, Truth]]:
    resolve = bundled_prompt_set().resolve
    return [(r, read_truth(r.spans, resolve)) for r in footage.recordings]


def test_every_recording_has_its_video_and_labels(footage: Footage) -> None:
    assert footage.recordings
    for recording in footage.recordings:
        assert recording.video.stat().st_size > 0
        assert recording.spans


def test_every_labelled_fall_is_a_fall_from_its_onset(
    truths: list[tuple[Recording, Truth]],
) -> None:
    labelled_ns = {
        recording.file: [
            seconds_to_ns(span.start_s)
            for span in recording.spans
            if span.label == "fall"
        ]
        for recording, _ in truths
    }

    assert any(labelled_ns.values())
    for recording, truth in truths:
        assert [fall.onset_ns for fall in truth.falls] == labelled_ns[recording.file]


def test_lying_is_fallen_only_where_a_fall_comes_before_it(
    truths: list[tuple[Recording, Truth]],
) -> None:
    found = {
        (bool(truth.falls), span.label)
        for _, truth in truths
        for span in truth.spans
        if span.text == "lying"
    }

    assert found == {(True, "fallen"), (False, "lying in bed")}


def test_the_shipped_prompt_set_knows_most_of_what_people_wrote(
    truths: list[tuple[Recording, Truth]],
) -> None:
    labels = [span.label for _, truth in truths for span in truth.spans]

    assert labels.count(OTHER) < len(labels) / 3
