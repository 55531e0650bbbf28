"""The order in which libraries that do not get on with each other are loaded."""

import subprocess
import sys
from pathlib import Path


def test_triton_is_loaded_before_anything_that_renders(tmp_path: Path) -> None:
    triton = "import sys; print(sorted({'mujoco', 'OpenGL'} & set(sys.modules)))"
    (tmp_path / "triton.py").write_text(triton)
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    script += "; import pipelines.lab.simulation.render_probe as probe"
    script += "; print(probe.render_problem() or 'rendered')"
    said = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert said.splitlines() == ["[]", "rendered"]
