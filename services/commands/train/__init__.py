"""The commands ``wardwatch train …``: options only.

The training itself is in ``pipelines.lab.training``.
"""
