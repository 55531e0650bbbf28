"""Cameras and wearables: everything that touches GStreamer or a broker."""
