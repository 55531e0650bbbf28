"""The laboratory: simulation, data sets, training and studies.

A ward never runs any of it. Nothing outside imports it, but for the commands that need
it, and its libraries are the extra ``lab``.
"""
