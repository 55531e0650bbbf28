"""Cameras and wearables: everything that touches GStreamer or a broker."""

import contextlib
import ctypes
import os

# GStreamer brings libunwind, whose C++ unwinder would take the place of the compiler's
# in every library loaded after it, while torch, loaded before, keeps the compiler's:
# an exception that passes through both ends the process (matplotlib's import throws
# one). The first one to be loaded for all is the one that all use.
with contextlib.suppress(OSError):  # a system without it has no two of them
    ctypes.CDLL("libgcc_s.so.1", mode=os.RTLD_GLOBAL)
