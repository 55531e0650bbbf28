"""Drift: has a camera, a wearable or the model's confidence changed for good?

Not here: the injected changes and streams that measure it
(``pipelines.lab.studies.drift``).
"""
