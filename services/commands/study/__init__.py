"""The commands ``wardwatch study …``: measured reports with plots.

Here are options and printing. The studies themselves are in ``pipelines.lab.studies``.
"""
