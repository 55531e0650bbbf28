"""Cameras and recordings: connection, time stamps, the frame grid, state.

Not here: what every user of GStreamer shares (``pipelines.sources.gstreamer``).
"""
