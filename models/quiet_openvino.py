"""OpenVINO without its usage statistics.

``import openvino`` sends an event to its makers (by Google Analytics) and writes an
identifier below the home folder, and asks nobody. It does neither where its package for
statistics cannot be imported, and this module ensures that it cannot. So every other
module imports ``openvino`` from here; ruff refuses the direct import.

Source: ``openvino/tools/ovc/__init__.py`` of OpenVINO 2026.4.
"""

import sys

# None makes every later import of this package fail.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402  only now

__all__ = ["openvino"]
