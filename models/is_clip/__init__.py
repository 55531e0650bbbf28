"""IS-CLIP: camera and wearable fused; the method and the file of an adaptation.

Not here: its training recipe, which belongs to ``pipelines.lab.training``.
"""
