"""Names in a Ray cluster that belong to one run of one site."""

import pytest

from services.supervisor.claim import Deployment


def test_each_run_of_a_site_has_names_of_its_own() -> None:
    first, second = Deployment("ward-3"), Deployment("ward-3")
    assert first.name.startswith("wardwatch-ward-3@")
    assert first.name != second.name


@pytest.mark.parametrize(
    ("app", "is_remains"),
    [
        ("wardwatch-ward@0123abcd", True),
        ("wardwatch-ward@89abcdef", False),  # this run's own
        ("wardwatch-ward-3@0123abcd", False),  # another site
        ("wardwatch-ward@0123abcd.more", False),
        ("other-wardwatch-ward@0123abcd", False),
        ("wardwatch", False),
    ],
)
def test_only_earlier_runs_of_the_same_site_are_remains(
    app: str, is_remains: bool
) -> None:
    found = Deployment("ward", "89abcdef").remains([app])
    assert found == ([app] if is_remains else [])
