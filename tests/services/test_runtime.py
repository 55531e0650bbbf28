"""The runtime works where the laboratory is not installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.camera_rig import write_numbered
from tests.without_lab import without_lab

pytestmark = pytest.mark.slow

SITE = "site: ward-3\nsubjects:\n  - id: bed-4\n    camera: test\n"


def wardwatch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services", *arguments],
        cwd=folder,
        env=without_lab(folder / "blocked"),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_site_is_checked_and_described_without_the_laboratory(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    checked = wardwatch(tmp_path, "check", "site.yaml", "--offline")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert json.loads(wardwatch(tmp_path, "schema").stdout)["title"] == "Site"


@pytest.mark.gst
def test_a_recording_is_watched_without_the_laboratory(tmp_path: Path) -> None:
    write_numbered(tmp_path / "film.mp4", 48)
    watched = wardwatch(tmp_path, "watch", "film.mp4", "--json")
    assert watched.returncode == 0, watched.stderr
    kinds = {json.loads(line)["type"] for line in watched.stdout.splitlines()}
    assert "prediction" in kinds


@pytest.mark.gst
def test_the_doctor_says_that_the_laboratory_is_missing(tmp_path: Path) -> None:
    found = wardwatch(tmp_path, "doctor", "--json")
    checks = {
        check["name"]: check for check in map(json.loads, found.stdout.splitlines())
    }
    assert not checks["laboratory"]["ok"]
    assert not checks["laboratory"]["needed"]


@pytest.mark.parametrize(
    "arguments",
    [("simulate", "--out", "ward"), ("demo",), ("train", "default"), ("study", "csn")],
)
def test_what_needs_the_laboratory_says_so_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    refused = wardwatch(tmp_path, *arguments)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert "pip install --editable '.[lab]'" in line


@pytest.mark.gst
def test_every_module_of_the_service_is_imported_without_the_laboratory(
    tmp_path: Path,
) -> None:
    folders = (
        "clips",
        "hub",
        "watcher",
        "recognition",
        "supervisor",
        "site",
        "delivery",
    )
    root = Path(__file__).parents[2]
    names = [
        ".".join(path.relative_to(root).with_suffix("").parts)
        for folder in folders
        for path in sorted((root / "services" / folder).glob("*.py"))
    ]
    script = "import importlib, sys; [importlib.import_module(n) for n in sys.argv[1:]]"
    subprocess.run(
        [sys.executable, "-c", script, *names],
        env=without_lab(tmp_path / "blocked"),
        check=True,
    )
