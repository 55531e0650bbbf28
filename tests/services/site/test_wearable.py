"""A wearable of a vendor in the site's file."""

from pathlib import Path

import pytest

from pipelines.sources.wearable.mapping import PayloadMapping
from services.errors import SettingsError
from services.site.file import read_site
from services.site.settings import Site


def site_with(tmp_path: Path, *lines: str) -> Site:
    path = tmp_path / "site.yaml"
    head = ["site: ward-3", "subjects:", "  - id: bed-4", "    camera: test"]
    path.write_text("\n".join([*head, *(f"    {line}" for line in lines)]))
    return read_site(path, {})


FORM = "imu_format: {accel: [/x, /y, /z], accel_unit: mg, rate_hz: 25}"


def test_a_subject_has_its_vendors_topic_and_format(tmp_path: Path) -> None:
    site = site_with(tmp_path, "imu: watch-7", "imu_topic: osd/watch-7", FORM)
    (subject,) = site.subjects
    assert subject.imu_format is not None
    assert subject.imu_format.build() == PayloadMapping(
        accel=("/x", "/y", "/z"), accel_unit="mg", rate_hz=25.0
    )
    address = site.imu_address("watch-7", subject.imu_topic)
    assert address.endswith(":1883/osd/watch-7")
    assert site.imu_address("watch-7").endswith("/wardwatch/ward-3/imu/watch-7")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([FORM], "imu_topic and imu_format need an imu, the wearable's name"),
        (["imu: w", "imu_topic: a/#"], "a wildcard (+ or #) would mix the samples"),
        (
            ["imu: w", "imu_format: {accel: [x, y, z]}"],
            "'x' is no pointer; write /name or, in a sample, ./name",
        ),
        (
            ["imu: w", "imu_format: {accel: [/x, /y, /z], accel_unit: ft}"],
            "accel_unit: Input should be 'mps2', 'g' or 'mg'",
        ),
    ],
)
def test_a_wrong_mapping_is_told_with_its_line(
    tmp_path: Path, lines: list[str], problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        site_with(tmp_path, *lines)
    (told,) = caught.value.problems
    assert problem in told
    assert "site.yaml:" in told
