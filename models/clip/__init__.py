"""CLIP by ``transformers``: towers, checkpoints, text bank, clip averaging.

Not here: what is trained on top of a checkpoint, and prompt sets.
"""
