import subprocess
import sys

import pytest

PROGRAM = """
import torch
from pipelines.sources.gstreamer.core import Gst
import matplotlib.ft2font
try:
    matplotlib.ft2font.FT2Font(b"no font")
except Exception:
    print("survived")
"""


@pytest.mark.slow
@pytest.mark.gst
def test_an_exception_in_cxx_survives_torch_and_gstreamer_together() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "survived\n"), done.stderr
