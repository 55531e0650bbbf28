import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipelines.sources.rtsp_access import RtspAccess
from services.errors import SettingsError
from services.settings import Site
from services.site_file import read_site

DEPLOY = Path(__file__).parents[2] / "deploy"
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
    told = problems_of(path)
    assert [it.split(": ")[:2] for it in told] == [
        ["site.yaml:1", "site"],
        ["site.yaml:4", "broker.port"],
        ["site.yaml:7", "subjects[0].camera"],
        ["site.yaml:8", "subjects[0].crp"],
        ["site.yaml:9", "subjects[1].id"],
        ["site.yaml:10", "subjects[1].crop"],
        ["site.yaml:2", "brokr"],
    ]
    assert told[3].endswith("is not known; is crop meant?")
    assert told[4].endswith("is missing")
    assert "secret" not in "".join(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a list\n", "site.yaml:1: expected keys and values"),
        ("site: x\nsite: y\n", "site.yaml:2: site: is given twice"),
        ("site: [x\n", "site.yaml:2: while parsing a flow sequence"),
        (
            "site: x\nsubjects: [{id: a, camera: test}, {id: a, camera: test}]\n",
            "site.yaml:2: subjects: every subject needs an id of its own",
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
            "site: x\nbroker:\n  tls: {key_file: /k}\n",
            "site.yaml:3: broker.tls: certificate_file and key_file go together",
        ),
        (
            "site: x\nrecognizer: {replicas: 3, most_replicas: 2}\n",
            "site.yaml:2: recognizer: most_replicas is 2, fewer than 3",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    (problem,) = problems_of(written(tmp_path, text))
    assert problem.startswith(told)


def test_a_missing_file_and_one_that_is_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    assert problems_of(path) == ["site.yaml: No such file or directory"]
    path.write_bytes(b"\xff\xfe\x00")
    assert problems_of(path) == ["site.yaml: is not UTF-8 text"]


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
    told = ["site.yaml:4: subjects[0].camera: the environment has no variable CAMERA"]
    assert problems_of(path) == told


def test_a_variable_overrules_its_field_and_a_typo_in_its_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, LEAST + "broker: {user: ward}\n")
    monkeypatch.setenv("WARDWATCH_BROKER__PASSWORD", "hunter2")
    site = read_site(path, {})
    assert (site.broker.user, site.broker.secret()) == ("ward", "hunter2")
    told = problems_of(path, WARDWATCH_BROKR__PASSWORD="x", WARDWATCH_FOOTAGE="/f")
    assert told == ["environment: WARDWATCH_BROKR__PASSWORD: names no setting"]


def test_the_password_file_is_read_at_each_use(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("one\n")
    path = written(tmp_path, LEAST + f"broker: {{user: w, password_file: {secret}}}\n")
    site = read_site(path, {})
    assert site.imu_address("wrist-4") == (
        "mqtt://w:one@127.0.0.1:1883/wardwatch/ward-3/imu/wrist-4"
    )
    secret.write_text("t w/o\n")
    assert site.imu_address("wrist-4").startswith("mqtt://w:t%20w%2Fo@")


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
    (told,) = problems_of(written(tmp_path, text))
    assert told.startswith("site.yaml:5: subjects[0].rtsp")
    assert "gone.pem" in told
