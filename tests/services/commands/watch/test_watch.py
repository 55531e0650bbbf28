import json
import shutil
import socket
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.clip.encoder import load_clip
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from services.command_line import app, run
from services.contact_sheets import TILE_PX
from services.demo.rtsp_process import RtspServer
from tests.film_rig import Packet, Track, encode, write_matroska
from tests.models.adapted_rig import save_kind

pytestmark = pytest.mark.gst

RATE_HZ = 12
PICTURES = 60
STEP_S = 0.375


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "five_seconds.mp4"
    rng = np.random.default_rng(0)
    with VideoFileWriter(path, 64, 48, Fraction(RATE_HZ)) as writer:
        for _ in range(PICTURES):
            writer.write(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    return path


def watch(*arguments: str | Path) -> int:
    return run(app, ["watch", *map(str, arguments)])


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.slow
def test_a_recording_is_predicted_from_its_first_picture_to_its_last(
    video: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(video, "--model", checkpoint, "--json") == 0

    predictions = [p for p in lines_of(capsys) if p["type"] == "prediction"]
    assert predictions[0]["t_start_s"] == predictions[0]["t_end_s"] == 0
    assert predictions[-1]["t_end_s"] == pytest.approx((PICTURES - 1) / RATE_HZ)
    # every tick of the grid from 0 to 4.92 s, and one window for each
    assert len(predictions) == 1 + int((PICTURES - 1) / RATE_HZ / STEP_S) + 1
    assert [p["partial"] for p in predictions] == [True] * 7 + [False] * 8


def test_times_are_those_of_the_pictures(
    video: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(video, "--model", checkpoint, "--json")

    ends = [p["t_end_s"] for p in lines_of(capsys) if p["type"] == "prediction"]
    for tick, end_s in enumerate(ends[:-1]):
        newest = int(tick * STEP_S * RATE_HZ + 1e-9)  # at or before the tick
        assert end_s == pytest.approx(newest / RATE_HZ, abs=1e-6)


@pytest.mark.slow
def test_a_recorded_wearable_goes_with_its_video(
    video: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    header = "t_s,ax_mps2,ay_mps2,az_mps2,gx_radps,gy_radps,gz_radps"
    rows = [f"{i / 50},0,0,9.81,0,0,0" for i in range(250)]
    imu = tmp_path / "five_seconds.wrist.imu.csv"
    imu.write_text("\n".join([header, *rows]))

    assert watch(video, "--imu", imu, "--model", checkpoint, "--json") == 0

    sources = {s["source"] for s in lines_of(capsys) if s["type"] == "status"}
    assert sources == {"subject", "wearable", "drift"}


def test_without_a_terminal_changes_are_lines_for_a_person(
    video: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(video, "--model", checkpoint) == 0
    assert "subject: online" in capsys.readouterr().out


@pytest.mark.slow
def test_a_camera_with_a_password_is_one_line_without_it(
    video: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RtspServer({"ward": video}, user="nurse", password="hush-hush") as server:
        wrong = server.address("ward").replace("hush-hush", "let-me-in")
        assert watch(wrong, "--model", checkpoint, "--json") == 2

    out, err = capsys.readouterr()
    assert "let-me-in" not in out + err
    assert err.count("\n") == 1
    assert "password" in err


def test_wild_times_of_a_recording_are_one_line_and_no_failure(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track = encode("vp8", 60).timed(lambda n, t: t + 60 * 10**9 * (24 <= n < 36))
    wild = write_matroska(tmp_path / "wild.mkv", track)

    assert watch(wild, "--model", checkpoint, "--json") == 0

    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    ends = [line["t_end_s"] for line in lines if line["type"] == "prediction"]
    assert max(ends) < 5
    repairs = [line for line in err.splitlines() if "wild.mkv" in line]
    assert len(repairs) == 1
    assert "12 of 60 pictures jump away" in repairs[0]


def test_a_recording_that_is_not_decoded_for_the_most_part_is_a_failure(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track = encode("vp8", 60)
    spoilt = [
        it if n < 12 else Packet(b"\xff" * 9, it.time_ns, key=False)
        for n, it in enumerate(track.packets)
    ]
    path = tmp_path / "spoilt.mkv"
    write_matroska(path, Track(track.codec, track.private, spoilt))

    assert watch(path, "--model", checkpoint, "--json") == 2

    repairs = [it for it in capsys.readouterr().err.splitlines() if "spoilt.mkv" in it]
    assert len(repairs) == 1
    assert "pictures are not decoded" in repairs[0]


def silent_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.slow
def test_bad_sources_are_one_line_that_names_them(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no video in here, only words\n" * 50)
    bad = {
        str(tmp_path / "gone.mp4"): "gone.mp4",
        str(text): "notes.mp4",
        str(tmp_path): tmp_path.name,
        "http://ward/stream": "http://ward/stream",
        f"rtsp://127.0.0.1:{silent_port()}/ward": "/ward",
    }
    for source, named in bad.items():
        assert watch(source, "--model", checkpoint, "--json") == 2
        err = capsys.readouterr().err
        assert named in err
        assert err.count("\n") == 1, err


def test_bad_options_are_one_line_that_names_them(
    video: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corrupt = tmp_path / "corrupt-clip"
    shutil.copytree(checkpoint, corrupt)
    weights = corrupt / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    twice = tmp_path / "twice.yaml"
    label = "  sitting:\n    texts: [a person sitting]\n"
    twice.write_text(
        "version: 1\nname: x\ntemplates: ['{}']\nlabels:\n" + label + label
    )
    imu = tmp_path / "x.wrist.imu.csv"
    imu.write_text("t_s,ax_mps2\n0,1\n")
    bad = {
        ("--model", str(tmp_path / "nowhere")): "nowhere",
        ("--model", str(corrupt)): "corrupt-clip",
        ("--prompts", str(twice)): "twice.yaml:7",
        ("--imu", str(imu)): "x.wrist.imu.csv",
    }
    for options, named in bad.items():
        model = () if "--model" in options else ("--model", str(checkpoint))
        assert watch(video, *options, *model) == 2, options
        err = capsys.readouterr().err
        assert named in err
        assert err.count("\n") == 1, err


def test_a_malformed_topic_is_one_line(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch("test", "--imu", "mqtt://", "--model", checkpoint) == 2
    assert capsys.readouterr().err.startswith("wardwatch: mqtt://: expected")


@pytest.mark.parametrize(
    ("source", "options", "problem"),
    [
        ("ward.mp4", ("--imu", "mqtt://a:hush@host/topic"), "is a recording"),
        ("rtsp://a:hush@host/ward", ("--imu", "x.wrist.imu.csv"), "is live"),
        ("test", ("--imu", "x.wrist.imu.csv"), "test is live"),
        ("/dev/video0", ("--speed", "2"), "/dev/video0 is live"),
        ("ward.mp4", ("--frames", "4", "--stride", "5"), "5 is more than the 4"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_anything_is_opened(
    source: str,
    options: tuple[str, ...],
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert watch(source, *options) == 2
    err = capsys.readouterr().err
    assert problem in err
    assert options[-2] in err
    assert "hush" not in err


def drift_statuses(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line.get("source") == "drift"]


@pytest.mark.slow
def test_a_week_of_learning_is_reported_and_kept_in_a_file(
    video: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = tmp_path / "baseline.json"
    arguments = (video, "--model", checkpoint, "--json", "--baseline", baseline)
    assert watch(*arguments) == 0
    (status,) = drift_statuses(lines_of(capsys))
    assert (status["state"], status["learning_left_s"]) == ("learning", 604_800)
    assert (status["note"], status["accuracy"]) == ("", None)
    assert json.loads(baseline.read_text())["subjects"].keys() == {"subject"}

    other = shutil.copy(video, tmp_path / "other.mp4")
    assert watch(other, *arguments[1:]) == 0
    (status,) = drift_statuses(lines_of(capsys))
    assert status["note"] == "another camera than before: learning again"


def test_a_damaged_baseline_is_one_line_and_stops_nothing(
    video: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text("{")
    assert watch(video, "--model", checkpoint, "--baseline", baseline) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "drift" in line]
    assert f"{baseline}: cannot be read" in line
    assert "learnt again" in line


def test_confidence_that_is_not_calibrated_gives_a_warning(
    video: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(video, "--model", checkpoint, "--json") == 0
    error = capsys.readouterr().err
    assert "confidence is not calibrated" in error
    assert "video: wardwatch model calibrate FOOTAGE --wearable none\n" in error


@pytest.fixture
def adaptation(checkpoint: Path, tmp_path: Path) -> Path:
    return save_kind("is-clip", load_clip(checkpoint), tmp_path / "is-clip.safetensors")


def recorded_wearable(path: Path, seconds: float) -> Path:
    columns = "t_s,ax_mps2,ay_mps2,az_mps2,gx_radps,gy_radps,gz_radps"
    rows = [f"{i / 50},0,{i % 7},9.8,0.1,0,0" for i in range(round(seconds * 50))]
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


@pytest.mark.slow
def test_a_camera_with_its_wearable_is_fused_and_says_so(
    video: Path,
    checkpoint: Path,
    adaptation: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    worn = recorded_wearable(tmp_path / "x.wrist.imu.csv", 3.5)
    options = ("--model", checkpoint, "--adaptation", adaptation, "--json")
    assert watch(video, "--imu", worn, *options) == 0

    predictions = [p for p in lines_of(capsys) if p["type"] == "prediction"]
    modalities = [p["modality"] for p in predictions if not p["partial"]]
    assert modalities[0] == "fused"
    assert modalities[-1] == "video"  # the wearable fell silent
    assert predictions[-1]["model"].endswith("+is-clip")


def test_a_wearable_alone_is_watched(
    checkpoint: Path,
    adaptation: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    worn = recorded_wearable(tmp_path / "x.wrist.imu.csv", 6.0)
    options = ("--model", checkpoint, "--adaptation", adaptation, "--json")
    assert watch("--imu", worn, *options) == 0

    predictions = [p for p in lines_of(capsys) if p["type"] == "prediction"]
    assert len(predictions) > 5
    assert {p["modality"] for p in predictions} == {"imu"}


def test_a_wearable_alone_takes_a_kind_that_needs_no_frames(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worn = recorded_wearable(tmp_path / "x.wrist.imu.csv", 1.0)
    assert watch("--imu", worn, "--model", checkpoint) == 2
    error = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert "a wearable alone needs an adaptation of the kind is-clip" in error


@pytest.mark.slow
def test_another_view_is_chosen_for_a_checkpoint_without_a_card(
    video: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The video is noise: nobody is in view, and every picture is black."""
    seen = tmp_path / "seen"
    options = ("--model", checkpoint, "--view", "person", "--show", seen, "--json")
    assert watch(video, *options) == 0

    lines = lines_of(capsys)
    predictions = [line for line in lines if line["type"] == "prediction"]
    assert predictions[-1]["t_end_s"] == pytest.approx((PICTURES - 1) / RATE_HZ)
    assert [line["count"] for line in lines if line["type"] == "people"] == [0]
    with Image.open(seen / "seen-001.png") as sheet:
        tile = np.asarray(sheet)[2 : TILE_PX - 2, 2 : TILE_PX - 2]
    assert not tile.any()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--model", "TINY", "--view", "pose"), "names the view picture, so the view"),
        (("--view", "person"), "its card names the view pose, so the view person"),
        (("--view", "picture"), "its card names the view pose, so the view picture"),
    ],
)
def test_a_view_that_a_checkpoint_cannot_use_is_one_line(
    video: Path,
    checkpoint: Path,
    options: tuple[str, ...],
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = [str(checkpoint) if each == "TINY" else each for each in options]
    assert watch(video, *chosen) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1


def test_something_to_watch_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert watch() == 2
    assert "name a camera or a recording, or a wearable" in capsys.readouterr().err
