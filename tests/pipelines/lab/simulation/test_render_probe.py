"""The look at whether this machine renders."""

import os
import subprocess
import sys

from pipelines.lab.simulation.render_probe import render_problem


def test_this_machine_renders_a_picture() -> None:
    assert render_problem() == ""


def test_work_that_needs_pictures_is_refused_where_none_can_be_rendered() -> None:
    script = (
        "from pipelines.lab.simulation.render_probe import require_rendering\n"
        "from pipelines.errors import PipelineError\n"
        "try:\n    require_rendering()\nexcept PipelineError as err:\n    print(err)"
    )
    without = {**os.environ, "MUJOCO_GL": "none-such"}
    said = subprocess.check_output(
        [sys.executable, "-c", script], env=without, text=True
    )
    assert said.startswith("no picture can be rendered here: invalid value")
    assert said.count("\n") == 1
