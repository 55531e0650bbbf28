"""Rules of alarms in a site's file: by event, by subject, by hour."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import AlarmRule
from pipelines.records import BED_EXIT
from services.errors import SettingsError
from services.site.file import read_site
from services.site.settings import Site

TEXT = """\
site: ward-3
timezone: Europe/Berlin
alarms: { bed exit: { priority: low } }
alarm_profiles:
  - name: night
    from: 22:00
    until: 06:30
    alarms: { bed exit: { priority: high, out_of_bed_s: 900 } }
subjects:
  - { id: a, camera: test }
  - { id: b, camera: test, alarms: { bed exit: { priority: none } } }
  - id: c
    camera: test
    alarm_profiles:
      - { name: noon, from: 12:00, until: 13:00, alarms: { fall: { priority: low } } }
"""


def site_of(folder: Path, text: str = TEXT) -> Site:
    file = folder / "site.yaml"
    file.write_text(text)
    return read_site(file)


def priority(site: Site, subject: str, event: str, at: str) -> str | None:
    utc = datetime.fromisoformat(f"2026-07-01T{at}").replace(tzinfo=UTC)
    rules = site.alarm_rules()[subject]
    rule = rules.of(event, round(utc.timestamp()) * NS_PER_S)
    return None if rule is None else rule.priority


def test_a_subjects_rules_come_before_the_sites_and_profiles_before_both(
    tmp_path: Path,
) -> None:
    site = site_of(tmp_path)
    in_berlin = {"19:59": "low", "20:00": "high", "04:29": "high", "04:30": "low"}
    for at, expected in in_berlin.items():
        assert priority(site, "a", BED_EXIT, at) == expected
        assert priority(site, "b", BED_EXIT, at) is None
    assert priority(site, "c", "fall", "10:30") == "low"
    assert priority(site, "c", "fall", "11:30") == "high"
    assert priority(site, "a", "fall", "10:30") == "high"


def test_what_is_left_out_is_the_default_of_the_event(tmp_path: Path) -> None:
    exits = "{ bed exit: { out_of_bed_s: 900, latches: }, fall: { priority: low } }"
    text = TEXT.replace("{ bed exit: { priority: low } }", exits)
    rules = site_of(tmp_path, text).common_alarm_rules()
    noon_ns = 12 * 3600 * NS_PER_S
    given = AlarmRule("medium", 0, (180,), 0, latches=False, out_of_bed_s=900)
    assert rules.of(BED_EXIT, noon_ns) == given
    assert rules.of(BED_EXIT, 0) == replace(given, priority="high")  # the profile's
    assert rules.of("fall", noon_ns) == AlarmRule("low")
    assert site_of(tmp_path, "site: w").common_alarm_rules().of(
        BED_EXIT, noon_ns
    ) == replace(given, out_of_bed_s=0)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Europe/Berlin", "Middle/Earth", "no such time zone"),
        ("until: 06:30", "until: 22:00", "from and until must differ"),
        ("until: 06:30", "until: 24:00", "expected a time of the day"),
        ("until: 06:30", "until: six", "expected a time of the day"),
        ("from: 22:00", "since: 22:00", "from"),
    ],
)
def test_hours_that_cannot_be_read_are_told_with_their_line(
    old: str, new: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as told:
        site_of(tmp_path, TEXT.replace(old, new))
    assert any(problem in line for line in told.value.problems)
    assert all(
        line.startswith(f"{tmp_path}/site.yaml:") for line in told.value.problems
    )
