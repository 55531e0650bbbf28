"""The simulated ward: one motion, seen by a camera and felt by wearables."""

import os
from contextlib import suppress
from importlib import import_module

# Read by mujoco when it is imported: OSMesa renders without a display.
os.environ.setdefault("MUJOCO_GL", "osmesa")

# OSMesa lays its LLVM open to the whole process. Triton, which comes with torch's CUDA
# build, carries another and crashes on loading unless it came first.
with suppress(ImportError):
    import_module("triton")
