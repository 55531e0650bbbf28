"""Zones in the site's file and in a file of their own."""

from pathlib import Path

import pytest

from pipelines.live.zones import Zone
from services.errors import SettingsError
from services.site.file import read_site, read_zones

BED = "- {name: left, kind: bed, points: [[0.1, 0.1], [0.5, 0.1], [0.5, 0.9]]}"


def site_with(tmp_path: Path, *zones: str, camera: str = "camera: test") -> Path:
    path = tmp_path / "site.yaml"
    lines = ["site: ward-3", "subjects:", "  - id: bed-4", f"    {camera}"]
    lines += ["    zones:", *(f"      {zone}" for zone in zones)]
    path.write_text("\n".join(lines))
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_site(path, {})
    return [
        problem.replace(str(path), "site.yaml") for problem in caught.value.problems
    ]


def test_a_subject_has_the_zones_of_its_camera(tmp_path: Path) -> None:
    door = BED.replace("left, kind: bed", "door-1, kind: door")
    (subject,) = read_site(site_with(tmp_path, BED, door), {}).subjects
    corners = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.9))
    assert [zone.build() for zone in subject.zones] == [
        Zone("left", "bed", corners),
        Zone("door-1", "door", corners),
    ]
    assert subject.bed_exit_s == 5.0


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        (BED.replace(", [0.5, 0.9]", ""), "points: expected 3 to 64 points, got 2"),
        (
            BED.replace("0.9", "1.5"),
            "points: point 3 is 0.5, 1.5; expected shares of 0 to 1",
        ),
        (
            BED.replace("[0.5, 0.9]", "[0.9, 0.9], [0.2, 0]"),
            "points: the edge from point 1 and the edge from point 3 cross; expected"
            " the corners in order around the zone",
        ),
        (
            BED.replace("kind: bed", "kind: sofa"),
            "kind: Input should be 'bed', 'chair', 'floor' or 'door'",
        ),
        (BED.replace("name: left, ", ""), "name: is missing"),
        (BED.replace("points", "point"), "points: is missing"),
    ],
)
def test_a_wrong_zone_is_one_line(tmp_path: Path, zone: str, problem: str) -> None:
    problems = problems_of(site_with(tmp_path, BED.replace("left", "first"), zone))
    assert problems[0] == f"site.yaml:7: subjects[0].zones[1].{problem}"
    assert len(problems) == (2 if "point:" in zone else 1)


def test_two_zones_of_one_camera_have_different_names(tmp_path: Path) -> None:
    assert problems_of(site_with(tmp_path, BED, BED)) == [
        "site.yaml:5: subjects[0].zones: every zone needs another name, two are 'left'"
    ]


def test_a_wearable_alone_has_no_zones(tmp_path: Path) -> None:
    (problem,) = problems_of(site_with(tmp_path, BED, camera="imu: wrist-4"))
    assert problem == "site.yaml:3: subjects[0]: zones need a camera"


def test_a_file_of_zones_has_the_form_of_a_subjects_zones(tmp_path: Path) -> None:
    path = tmp_path / "zones.yaml"
    path.write_text(f"zones:\n{BED}\n")
    (zone,) = read_zones(path)
    assert (zone.name, zone.kind, len(zone.polygon)) == ("left", "bed", 3)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: expected keys and values, as in zones: [...]"),
        (BED, "1: expected keys and values, as in zones: [...]"),
        ("zone: []\n", "1: zones: is missing"),
        (f"zones:\n{BED}\n{BED}\n", "1: zones: every zone needs another name"),
        (f"zones:\n{BED.replace('0.9', '9')}\n", "2: zones[0].points: point 3 is 0.5"),
    ],
)
def test_a_mistake_in_a_file_of_zones_has_its_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "zones.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_zones(path)
    assert caught.value.problems[0].startswith(f"{path}:{problem}")
