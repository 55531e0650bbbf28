"""IS-CLIP: camera and wearable fused; the method, an adaptation's file, its scorers.

``models.is_clip.scorers`` says why a new adaptation fuses late.

Not here: its training recipe, which belongs to ``pipelines.lab.training``.
"""
