"""SC-CLIP: clusters of patches followed through a clip.

Not here: its training recipe, which belongs to ``pipelines.lab.training``.
"""
