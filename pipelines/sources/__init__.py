"""Cameras and wearables: all code that uses GStreamer or an MQTT broker."""

import contextlib
import ctypes
import os

# GStreamer loads libunwind. Its C++ unwinder would replace the compiler's in every
# library loaded after it, while torch, loaded before, keeps the compiler's. An
# exception that passes through both ends the process (the import of matplotlib throws
# one). All libraries use the first unwinder that is loaded with RTLD_GLOBAL, so libgcc
# is loaded here.
with contextlib.suppress(OSError):  # a system without libgcc has no such conflict
    ctypes.CDLL("libgcc_s.so.1", mode=os.RTLD_GLOBAL)
