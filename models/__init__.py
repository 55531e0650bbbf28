"""Tensors: the CLIP towers, text banks, clip averaging and scores.

Knows no clock, no camera and no files but checkpoints.
"""
