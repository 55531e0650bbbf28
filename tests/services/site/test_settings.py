"""What the settings depend on."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_settings_need_no_command_line() -> None:
    """Processes of the service read them without the library of the commands."""
    code = (
        "import sys; sys.modules['typer'] = None; import services.site.settings;"
        " import services.site.file"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=False)
    assert answer.returncode == 0
