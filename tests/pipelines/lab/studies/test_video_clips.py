"""Clips of real videos: which, of which pictures, and felt when."""

import logging
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from models.prompts.prompt_file import bundled_prompt_set
from models.prompts.prompt_set import LabelPrompts, PromptSet
from pipelines.errors import DatasetError, FootageError
from pipelines.lab.data.clips import LabelledVideo, VideoSet
from pipelines.lab.data.footage import LabelledSpan, read_footage, write_labels
from pipelines.lab.studies.video_clips import (
    class_prompts,
    draw_evenly,
    in_words_of,
    middle_samples,
    open_set,
    read_footage_clips,
    read_video_clips,
)
from tests.pipelines.lab.data.public.rig import PICTURES, numbers, of_split, write
from tests.pipelines.lab.studies.set_rig import make_ucf101, make_uestc, write_film

SIDE_PX = 32
SPREAD = [0, 3, 6, 9, 13, 16, 19, 23]
"""The pictures of a film of two seconds, which is all inside of three."""

WARD = bundled_prompt_set()


def quiet(stage: str, done: int, total: int, note: str) -> None:
    """Nobody looks."""


def prompts_of(*labels: LabelPrompts) -> PromptSet:
    return PromptSet("own", 1, ("{}",), labels)


@pytest.fixture(scope="module")
def ucf101(tmp_path_factory: pytest.TempPathFactory) -> VideoSet:
    videos, lists = make_ucf101(tmp_path_factory.mktemp("ucf101"))
    return open_set("ucf101", videos, lists, 1)


@pytest.mark.gst
def test_a_set_becomes_pictures_labels_and_groups(ucf101: VideoSet) -> None:
    reports: list[tuple[str, int, int, str]] = []
    test = of_split(ucf101, "test")

    read = read_video_clips(
        test, class_prompts(ucf101), SIDE_PX, lambda *it: reports.append(it)
    )

    clips = read.clips
    assert clips.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert len(set(clips.groups.tolist())) == 6
    for label, frames in zip(clips.labels, clips.frames, strict=True):
        assert numbers(frames) == [PICTURES * int(label) + n for n in SPREAD]
    assert (clips.imu, clips.parts, read.unreadable) == (None, None, 0)
    assert reports[-1] == ("reading", 6, 6, test.videos[-1].path.name)


@pytest.mark.gst
def test_a_damaged_video_is_told_of_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, lists = make_ucf101(tmp_path)
    damaged = folder / "Archery/v_Archery_g01_c01.avi"
    damaged.write_bytes(b"no video")
    test = of_split(open_set("ucf101", folder, lists, 1), "test")

    read = read_video_clips(test, class_prompts(test), SIDE_PX, quiet)

    assert read.unreadable == 1
    assert read.clips.labels.tolist() == [0, 2, 0, 1, 2]
    (line,) = caplog.messages
    assert line.startswith(f"{damaged}: ")
    assert line.endswith("; it is left out")
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.gst
def test_a_set_of_damaged_videos_is_refused(tmp_path: Path) -> None:
    video = write(tmp_path / "a.avi", "no video")
    broken = VideoSet("broken", ("a",), (LabelledVideo(video, "a", "a", "test"),))
    with pytest.raises(DatasetError, match=r"^broken: none of its videos can be read$"):
        read_video_clips(broken, class_prompts(broken), SIDE_PX, quiet)


def test_the_names_of_classes_stand_in_the_sentence_of_the_report(
    ucf101: VideoSet,
) -> None:
    prompts = class_prompts(ucf101)
    assert prompts.name == "ucf101"
    assert prompts.labels == ("Apply Eye Makeup", "Archery", "Yo Yo")
    assert prompts.sentences("Yo Yo") == ("a photo of a person Yo Yo",)


def test_other_prompts_spell_the_labels_their_way(ucf101: VideoSet) -> None:
    prompts = prompts_of(
        LabelPrompts("bow", ("aiming",), "bow", ("archery",)),
        LabelPrompts("yo yo", ("a toy",), "yo yo"),
        LabelPrompts("apply eye makeup", ("a brush",), "apply eye makeup"),
    )
    spelt = in_words_of(ucf101, prompts)
    assert spelt.labels == ("apply eye makeup", "bow", "yo yo")
    assert Counter(video.label for video in spelt.videos)["bow"] == 4


def test_other_prompts_must_name_the_same_labels(ucf101: VideoSet) -> None:
    own = class_prompts(ucf101)
    with pytest.raises(DatasetError, match=r"^prompt set ucf101: .* 'Yo Yo'$"):
        in_words_of(ucf101, own.without(["Yo Yo"]))
    more = prompts_of(*own.prompts, LabelPrompts("chess", ("chess",), "chess"))
    with pytest.raises(DatasetError, match=r"^prompt set own: .* got: 'chess'$"):
        in_words_of(ucf101, more)
    names = own.labels[1:]
    both = LabelPrompts("any", ("any",), "any", names)
    with pytest.raises(DatasetError, match=r"^prompt set own: expected a label for"):
        in_words_of(ucf101, prompts_of(own.prompts[0], both))


def test_as_many_of_each_label_are_drawn_as_there_are() -> None:
    labels = np.array([0] * 20 + [1] * 3 + [2] * 20, np.int64)
    drawn = draw_evenly(labels, 15, seed=1)
    assert np.bincount(labels[drawn]).tolist() == [6, 3, 6]
    assert (np.diff(drawn) > 0).all()
    assert draw_evenly(labels, 15, seed=1).tolist() == drawn.tolist()
    assert draw_evenly(labels, 15, seed=2).tolist() != drawn.tolist()
    for count in (None, 43, 99):
        assert draw_evenly(labels, count, seed=1).tolist() == list(range(43))


@pytest.mark.gst
def test_a_wearable_is_felt_in_si_units_at_its_own_rate(tmp_path: Path) -> None:
    folder = make_uestc(tmp_path)
    for path in folder.glob("sensor/*/*.csv"):
        write(path, *["8192,0,-4096,164,0,-328"] * PICTURES)
    uestc = open_set("uestc", folder, folder, 1)

    read = read_video_clips(
        of_split(uestc, "test"), class_prompts(uestc), SIDE_PX, quiet
    )

    assert read.clips.imu_rate_hz == 25.0
    assert read.clips.imu is not None
    assert read.clips.imu.shape == (4, 75, 6)
    expected = [9.80665, 0, -9.80665 / 2, math.radians(10), 0, -math.radians(20)]
    np.testing.assert_allclose(read.clips.imu[2, 40], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("samples", "first", "last"), [(175, 50, 124), (75, 0, 74), (10, 0, 9)]
)
def test_samples_are_those_of_the_middle(samples: int, first: int, last: int) -> None:
    count = np.repeat(np.arange(samples, dtype=np.float32)[:, None], 6, axis=1)
    window = middle_samples(count)
    assert window.shape == (75, 6)
    assert (window[0, 0], window[-1, 5]) == (first, last)


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (("test.csv", "train.txt"), {"train", "test"}),
        (("val.txt",), {"test"}),
        (("val.csv", "test.csv"), {"test"}),
    ],
)
def test_lists_of_kinetics_are_found_by_their_names(
    tmp_path: Path, files: tuple[str, ...], splits: set[str]
) -> None:
    video = "abcdefghijk_000001_000011.mp4"
    write(tmp_path / "videos" / video, "a film")
    write(tmp_path / "classes.json", '{"0": "juggling"}')
    for file in files:
        write(tmp_path / file, f"{video},0", "vanished001_000001_000011.mp4,0")

    kinetics = open_set("kinetics", tmp_path / "videos", tmp_path, 1)

    assert {it.split for it in kinetics.videos} == splits
    assert len(kinetics.videos) == len(splits)


@pytest.mark.parametrize("lacking", ["classes.csv", "val.csv"])
def test_kinetics_without_its_lists_is_refused(tmp_path: Path, lacking: str) -> None:
    write(tmp_path / "classes.csv", "id,name", "0,juggling")
    write(tmp_path / "val.csv", "a.mp4,0")
    (tmp_path / lacking).unlink()
    with pytest.raises(DatasetError, match=r"expected classes.json or .csv, and train"):
        open_set("kinetics", tmp_path, tmp_path, 1)


def make_footage(folder: Path, *spans: LabelledSpan) -> Path:
    for name in {span.file for span in spans}:
        write_film(folder / name, 0)
    write_labels(folder / "labels.csv", spans)
    return folder


# film a  0 ───────── 0.5 ──── 1.0 ──────────── 2.0 s     picture n is shown from n/12 s
# labels  [---------------fall---------------)
#                      [juggling)
#                              [-----lying-----)
@pytest.mark.gst
def test_a_span_of_footage_shows_the_pictures_of_its_time(tmp_path: Path) -> None:
    folder = make_footage(
        tmp_path,
        LabelledSpan("a.mp4", "fall", "drawn", 0.0, 1.5),
        LabelledSpan("a.mp4", "juggling", "drawn", 0.5, 1.0),
        LabelledSpan("a.mp4", "lying", "drawn", 1.0, 2.0),
        LabelledSpan("b.mp4", "walk", "drawn", 0.0, 40.0),
    )

    read = read_footage_clips(read_footage(folder), WARD, SIDE_PX, quiet)

    labels = [WARD.labels[it] for it in read.clips.labels]
    assert labels == ["falling", "fallen", "walking"]
    assert read.clips.groups.tolist() == [0, 0, 1]
    assert (read.unreadable, read.unnamed) == (0, 1)
    # at 3/32 s, 9/32 s, ...; 17/16 s, 19/16 s, ...; 18.5 s to 21.5 s, past the end
    shown = [numbers(frames) for frames in read.clips.frames]
    assert shown[0] == [1, 3, 5, 7, 10, 12, 14, 16]
    assert shown[1] == [12, 14, 15, 17, 18, 20, 21, 23]
    assert shown[2] == [23] * 8


@pytest.mark.gst
def test_some_spans_are_drawn_and_damaged_recordings_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spans = [
        LabelledSpan(f"{name}.mp4", label, "drawn", 0.0, 1.0)
        for name in "abcd"
        for label in ("fall", "walk")
    ]
    footage = read_footage(make_footage(tmp_path, *spans))

    some = read_footage_clips(footage, WARD, SIDE_PX, quiet, count=4, seed=3)
    assert sorted(some.clips.labels.tolist()) == [0, 0, 1, 1]

    write(tmp_path / "c.mp4", "no video")
    whole = read_footage_clips(footage, WARD, SIDE_PX, quiet)
    assert whole.unreadable == 2
    assert set(whole.clips.groups.tolist()) == {0, 1, 3}
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path}/c.mp4: ")


@pytest.mark.gst
@pytest.mark.parametrize(
    ("label", "problem"),
    [("juggling", "none of its labels is in"), ("fall", "none of its videos can be")],
)
def test_footage_without_a_clip_is_refused(
    tmp_path: Path, label: str, problem: str
) -> None:
    folder = make_footage(tmp_path, LabelledSpan("a.mp4", label, "drawn", 0.0, 1.0))
    write(tmp_path / "a.mp4", "no video")
    with pytest.raises(FootageError, match=rf"^{folder}: {problem}"):
        read_footage_clips(read_footage(folder), WARD, SIDE_PX, quiet)
