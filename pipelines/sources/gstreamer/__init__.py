"""Shared GStreamer code: start-up, errors, probing, writing video."""
