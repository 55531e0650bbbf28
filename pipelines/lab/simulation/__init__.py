"""The simulated ward: one motion seen by a camera and measured by wearables."""

import os
from contextlib import suppress
from importlib import import_module

# mujoco reads this when it is imported: OSMesa renders without a display.
os.environ.setdefault("MUJOCO_GL", "osmesa")

# OSMesa exposes its LLVM to the whole process. Triton, which comes with torch's CUDA
# build, has another one and crashes on loading unless it is loaded first.
with suppress(ImportError):
    import_module("triton")
