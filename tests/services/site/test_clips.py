"""Blurred clips in a site's file: off, or with a consent, a camera and a key."""

from pathlib import Path

import pytest

from services.errors import ClipError, SettingsError
from services.site.file import read_site
from services.site.settings import Site
from services.supervisor.subjects import watched_subject
from tests.clip_rig import KEY, key_file

CAMERA, CLIP = (
    "    camera: test\n",
    "    clip: { consent: 'the resident, 2026-11-29' }\n",
)


def site_of(folder: Path, *lines: str) -> Site:
    path = folder / "site.yaml"
    path.write_text("site: w\nsubjects:\n  - id: bed-4\n" + "".join(lines))
    return read_site(path, {})


def problem_of(folder: Path, *lines: str) -> str:
    with pytest.raises(SettingsError) as found:
        site_of(folder, *lines)
    (problem,) = found.value.problems
    return problem.partition("site.yaml:")[2]


def clips_of(path: Path) -> str:
    return f"clips: {{ key_file: {path} }}\n"


def test_nothing_is_recorded_by_default(tmp_path: Path) -> None:
    site = site_of(tmp_path, CAMERA, clips_of(key_file(tmp_path)))
    assert site.clip_subjects == []
    assert watched_subject(site, site.subjects[0], KEY).clips is None


def test_a_consent_gives_the_watcher_the_key_and_the_events_that_alarm(
    tmp_path: Path,
) -> None:
    path = key_file(tmp_path)
    rules = "    alarms: { bed exit: { priority: none }, walking: {} }\n"
    site = site_of(tmp_path, CAMERA, CLIP, rules, clips_of(path))
    assert site.clips is not None
    assert site.clip_subjects == ["bed-4"]
    order = watched_subject(site, site.subjects[0], site.clips.key()).clips
    assert order is not None
    assert (order.events, order.key) == (("fall", "long lie", "walking"), KEY)
    path.unlink()
    with pytest.raises(ClipError, match=r"^clips\.key_file: .*No such file"):
        site.clips.key()


def test_a_clip_without_a_key_a_camera_or_a_consent_is_one_line(tmp_path: Path) -> None:
    key = clips_of(key_file(tmp_path))
    assert problem_of(tmp_path, CAMERA, CLIP) == (
        "1: subject bed-4 has clip, which needs clips.key_file; wardwatch clip-key"
        " FILE makes one"
    )
    blind = problem_of(tmp_path, "    imu: wrist-4\n", CLIP, key)
    assert blind == "3: subjects[0]: clip needs a camera"
    bare = problem_of(tmp_path, CAMERA, "    clip: {}\n", key)
    assert bare == "5: subjects[0].clip.consent: is missing"
    blank = problem_of(tmp_path, CAMERA, "    clip: { consent: '   ' }\n", key)
    assert "clip.consent: String should have at least 3 char" in blank


@pytest.mark.parametrize(
    ("mode", "content", "expected"),
    [
        (0o644, KEY, "everybody on this machine can read it"),
        (0o600, "sEcReT", "holds no key; wardwatch clip-key"),
        (0o600, "", "is empty"),
    ],
)
def test_a_key_that_cannot_be_used_is_one_line(
    tmp_path: Path, mode: int, content: str, expected: str
) -> None:
    path = key_file(tmp_path, content or "x")
    path.write_text(content)
    path.chmod(mode)
    problem = problem_of(tmp_path, CAMERA, clips_of(path))
    assert problem.startswith(f"5: clips.key_file: {path}: {expected}")
    assert "sEcReT" not in problem


def test_a_missing_key_is_one_line(tmp_path: Path) -> None:
    problem = problem_of(tmp_path, CAMERA, clips_of(tmp_path / "gone"))
    assert problem == f"5: clips.key_file: {tmp_path}/gone: No such file or directory"
