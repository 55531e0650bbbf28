"""Tensors: CLIP's towers, text banks, clip averaging and scores.

The package knows no clock and no camera, and no files but checkpoints, adaptations,
calibrations and prompt sets.
"""
