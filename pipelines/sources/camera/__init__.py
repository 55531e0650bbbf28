"""Cameras and recordings: connection, timestamps, the frame grid, state.

Shared GStreamer code is in ``pipelines.sources.gstreamer``.
"""
