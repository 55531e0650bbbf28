import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipelines.sources.camera.rtsp_access import RtspAccess
from services.errors import SettingsError
from services.site.file import read_site
from services.site.settings import Site

DEPLOY = Path(__file__).parents[3] / "deploy"
LEAST = "site: ward-3\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return path


def problems_of(path: Path, **environment: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_site(path, environment)
    return [it.replace(str(path), "site.yaml") for it in caught.value.problems]


def test_little_is_needed(tmp_path: Path) -> None:
    site = read_site(written(tmp_path, LEAST), {})
    assert (site.site, site.subjects, site.broker.port) == ("ward-3", (), 1883)


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "site: ward 3\n"
        "brokr: {host: x}\n"
        "broker:\n"
        "  port: 99999\n"
        "subjects:\n"
        "  - id: bed-4\n"
        "    camera: ftp://nurse:secret@h\n"
        "    crp: left\n"
        "  - camera: test\n"
        "    crop: middle\n",
    )
    problems = problems_of(path)
    assert [it.split(": ")[:2] for it in problems] == [
        ["site.yaml:1", "site"],
        ["site.yaml:4", "broker.port"],
        ["site.yaml:7", "subjects[0].camera"],
        ["site.yaml:8", "subjects[0].crp"],
        ["site.yaml:9", "subjects[1].id"],
        ["site.yaml:10", "subjects[1].crop"],
        ["site.yaml:2", "brokr"],
    ]
    assert problems[3].endswith("is not known; is crop meant?")
    assert problems[4].endswith("is missing")
    assert "secret" not in "".join(problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a list\n", "site.yaml:1: expected keys and values"),
        ("site: x\nsite: y\n", "site.yaml:2: site: is given twice"),
        ("site: [x\n", "site.yaml:2: while parsing a flow sequence"),
        (
            "site: x\nsubjects: [{id: a, camera: test}, {id: a, camera: test}]\n",
            "site.yaml:2: subjects: every subject needs another id",
        ),
        (
            "site: x\nsubjects: [{id: alarm, camera: test}]\n",
            "site.yaml:2: subjects[0].id: 'alarm' is part of other topics",
        ),
        ("site: x\nwindows: {frames: 4, stride: 5}\n", "site.yaml:1: stride_frames"),
        (
            "site: x\nbroker: {password_file: /nowhere/p}\n",
            "site.yaml:2: broker.password_file: /nowhere/p: No such file",
        ),
        (
            "site: x\nbroker: {password: a, password_file: /dev/null}\n",
            "site.yaml:2: broker.password_file: /dev/null: is empty",
        ),
        (
            "site: x\nbroker:\n  tls: {key_file: /k}\n",
            "site.yaml:3: broker.tls: certificate_file and key_file go together",
        ),
        (
            "site: x\nrecognizer: {replicas: 3, most_replicas: 2}\n",
            "site.yaml:2: recognizer: most_replicas is 2, fewer than 3",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems_of(written(tmp_path, text))
    assert problem.startswith(expected)


def test_a_missing_file_and_one_that_is_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    assert problems_of(path) == ["site.yaml: No such file or directory"]
    path.write_bytes(b"\xff\xfe\x00")
    assert problems_of(path) == ["site.yaml:1: is not UTF-8 text"]


def test_a_subject_has_a_camera_or_a_wearable(tmp_path: Path) -> None:
    path = written(tmp_path, LEAST + "subjects:\n  - id: bed\n")
    (problem,) = problems_of(path)
    assert problem.endswith("needs a camera, an imu, or both")
    path = written(tmp_path, LEAST + "subjects:\n  - id: bed\n    imu: wrist-7\n")
    (subject,) = read_site(path, {}).subjects
    assert subject.sources == ["imu"]


def test_values_come_from_the_environment_where_the_file_says_so(
    tmp_path: Path,
) -> None:
    camera = "subjects:\n  - id: bed\n    camera: rtsp://u:${CAMERA}@h/1\n"
    path = written(tmp_path, LEAST + camera)
    site = read_site(path, {"CAMERA": "pw"})
    secret = site.subjects[0].camera
    assert secret is not None
    assert secret.get_secret_value() == "rtsp://u:pw@h/1"
    assert "pw" not in repr(site)
    missing = [
        "site.yaml:4: subjects[0].camera: the environment has no variable CAMERA"
    ]
    assert problems_of(path) == missing


def test_a_variable_overrules_its_field_and_a_typo_in_its_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, LEAST + "broker: {user: ward}\n")
    monkeypatch.setenv("WARDWATCH_BROKER__PASSWORD", "hunter2")
    site = read_site(path, {})
    assert (site.broker.user, site.broker.secret()) == ("ward", "hunter2")
    problems = problems_of(path, WARDWATCH_BROKR__PASSWORD="x", WARDWATCH_FOOTAGE="/f")
    assert problems == ["environment: WARDWATCH_BROKR__PASSWORD: names no setting"]


def test_the_password_file_is_read_at_each_use(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("one\n")
    path = written(tmp_path, LEAST + f"broker: {{user: w, password_file: {secret}}}\n")
    site = read_site(path, {})
    assert site.imu_address("wrist-4") == (
        "mqtt://w:one@127.0.0.1:1883/wardwatch/ward-3/imu/wrist-4"
    )
    secret.write_text(" t w/o\r\n")
    assert site.imu_address("wrist-4").startswith("mqtt://w:%20t%20w%2Fo@")
    secret.write_text("")  # as while it is written again
    with pytest.raises(OSError, match=r"is empty"):
        site.broker.secret()


def test_the_shipped_schema_and_example_are_those_of_the_code() -> None:
    schema = json.loads((DEPLOY / "site.schema.json").read_text())
    assert schema == Site.model_json_schema()
    example = DEPLOY / "site.example.yaml"
    Draft202012Validator(schema).validate(yaml.safe_load(example.read_text()))
    site = read_site(example, {})
    assert [it.id for it in site.subjects] == ["bed-4", "room-12"]


def test_how_a_camera_is_reached_and_trusted_is_read(tmp_path: Path) -> None:
    head = LEAST + "subjects:\n  - id: bed-4\n    camera: rtsps://camera/bed\n"
    text = head + "    rtsp: {transport: udp, trust: off}\n"
    (subject,) = read_site(written(tmp_path, text), {}).subjects
    assert subject.rtsp.build() == RtspAccess("udp", verified=False)

    text = head + "    rtsp:\n      trust: gone.pem\n"
    (problem,) = problems_of(written(tmp_path, text))
    assert problem.startswith("site.yaml:5: subjects[0].rtsp")
    assert "gone.pem" in problem


def test_keys_are_merged_and_keys_of_ones_own_are_passed_over(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "x-common: &common {crop: left, imu: '${UNUSED}'}\n"
        "x-other: &other {crop: right, camera: test}\n"
        "site: w\n"
        "subjects:\n"
        "  - &first {<<: *common, id: a, imu: wrist}\n"
        "  - {<<: [*first, *other], id: b}\n"
        "  - {<<: *first, id: c, crop: right, camera: test}\n",
    )
    subjects = read_site(path, {"UNUSED": "wrist-9"}).subjects
    assert [(it.id, it.crop, it.imu) for it in subjects] == [
        ("a", "left", "wrist"),
        ("b", "left", "wrist"),
        ("c", "right", "wrist"),
    ]
    assert [it.sources for it in subjects][1:] == [["camera", "imu"]] * 2


def test_a_mistake_in_merged_keys_is_told_where_it_stands(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "site: w\nsubjects:\n  - &a\n    id: a\n    camera: test\n    crop: middle\n"
        "  - {<<: *a, id: b}\n",
    )
    problems = problems_of(path)
    assert [it.split(": ")[:2] for it in problems] == [
        ["site.yaml:6", "subjects[0].crop"],
        ["site.yaml:6", "subjects[1].crop"],
    ]


def test_a_blank_value_is_the_default(tmp_path: Path) -> None:
    text = (
        "site: w\nbroker:\nsubjects:\nrecognizer:\nwatchers:\nwindows: {frames: }\n"
        "events: ~\ndrift: null\nhub:\n  port:\n  folder:\n"
    )
    assert read_site(written(tmp_path, text), {}) == read_site(
        written(tmp_path, "site: w\n"), {}
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("site:\n", "site.yaml:1: site: has no value"),
        ("site: w\nbrokr:\n", "site.yaml:2: brokr: is not known; is broker meant?"),
        ("site: w\nsubjects:\n  -\n", "site.yaml:3: subjects[0]: expected keys and"),
        ("site: w\nsubjects:\n  - id:\n    camera: test\n", "site.yaml:3: subjects[0]"),
        ("site: w\nsubjects: test\n", "site.yaml:2: subjects: expected a list"),
        ("site: w\nbroker: test\n", "site.yaml:2: broker: expected keys and values"),
        ("site: w\ncommon: {}\n", "site.yaml:2: common: is not known; a key of"),
        ("site: w\n? [a, b]\n: x\n", "site.yaml:2: a key must be a word"),
        ("site: w\nhub: {port: 1.0e+999999}\n", "site.yaml:2: hub.port: Input should"),
        ("site: w\nevents: {enter: .nan}\n", "site.yaml:2: events.enter: Input should"),
        ("site: w\nhub: {port: 2024-01-01}\n", "site.yaml:2: hub.port: Input should"),
        (f"site: w\nhub: {{port: {'9' * 5000}}}\n", "site.yaml:2: hub.port: is no"),
        ("site: w\nrtsp://u:hunter2@h/s: x\n", "site.yaml:2: ***: is not known"),
    ],
)  # fmt: skip
def test_what_stands_for_no_value_is_one_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    (problem,) = problems_of(written(tmp_path, text))
    assert problem.startswith(expected)


def test_a_blank_variable_overrules_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_BROKER__PORT", "")
    path = written(tmp_path, LEAST + "broker: {port: 1884}\n")
    assert read_site(path, {}).broker.port == 1884
