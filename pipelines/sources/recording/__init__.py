"""Recordings: which track is the film, and when each of its pictures is shown.

Not here: how a file is opened and decoded (``pipelines.sources.camera``).
"""
