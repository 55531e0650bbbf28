import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
import models.person.network
print([name for name in sys.modules if name.startswith("openvino_telemetry.")])
"""


def test_openvino_sends_no_statistics_and_leaves_no_identifier(tmp_path: Path) -> None:
    """It would write the identifier while it is imported, before it sends anything."""
    # OpenVINO sends nothing where CI is set.
    variables = {name: value for name, value in os.environ.items() if name != "CI"}
    answer = subprocess.run(
        (sys.executable, "-c", PROGRAM),
        env={**variables, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []
