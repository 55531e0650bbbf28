"""A key is made by one command, and ``check`` names whose clips are stored."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.command_line import app, run

SITE = """
site: w
clips: {{ key_file: {key} }}
subjects:
  - id: bed-4
    camera: test
    clip: {{ consent: "the resident, 2026-11-29" }}
  - id: bed-5
    camera: test
"""


def test_a_new_key_lets_clips_be_stored_of_those_who_consent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, site = tmp_path / "clips.key", tmp_path / "site.yaml"
    assert run(app, ["clip-key", str(key)]) == 0
    assert capsys.readouterr().out == f"{key}: a new key\n"
    site.write_text(SITE.format(key=key))
    assert run(app, ["check", str(site), "--offline"]) == 0
    said = capsys.readouterr().out.splitlines()[1]
    assert said == "blurred clips of alarms are stored of: bed-4"
    assert run(app, ["clip-key", str(key)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_a_missing_library_is_one_line_that_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from services.clips.sealed import ClipCipher\n"
        "from services.errors import ClipError\n"
        "try: ClipCipher('')\n"
        "except ClipError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "clips: need cryptography: pip install --editable '.[clips]'\n"
