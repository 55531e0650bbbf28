"""Recordings: choice of the film track, and presentation times of its pictures.

Opening and decoding are in ``pipelines.sources.camera``.
"""
