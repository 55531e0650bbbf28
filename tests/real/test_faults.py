"""Faulty files that users sent are read, or refused in one line."""

import os
from pathlib import Path

import pytest

from pipelines.sources.wearable.replay import read_imu_csv
from services.errors import SettingsError
from services.site.file import read_site

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "WARDWATCH_FOOTAGE" not in os.environ, reason="WARDWATCH_FOOTAGE is not set"
    ),
]


def fault(name: str) -> Path:
    return Path(os.environ["WARDWATCH_FOOTAGE"]) / "faults" / name


def test_merged_keys_are_read_and_an_alias_of_itself_is_refused() -> None:
    site = read_site(fault("yaml/merge.yaml"), {})
    assert [subject.id for subject in site.subjects] == ["bed-1", "bed-2"]
    with pytest.raises(SettingsError, match=r":3: an alias \(\*\) of what"):
        read_site(fault("yaml/loop.yaml"), {})


@pytest.mark.parametrize("name", ["imu/bom.csv", "imu/blank_last_line.csv"])
def test_what_spreadsheets_add_to_a_wearables_file_is_passed_over(name: str) -> None:
    assert len(read_imu_csv(fault(name)).device_ns) == 1000
