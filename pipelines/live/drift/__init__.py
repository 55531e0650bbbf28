"""Detection of lasting changes (drift) of a camera, a wearable or the confidence.

The study that measures the detector is in ``pipelines.lab.studies.drift``.
"""
