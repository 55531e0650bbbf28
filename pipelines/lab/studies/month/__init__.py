"""A simulated month: how often an ordinary day raises a false fall.

    hours ─▶ poses as the finder sees them ─▶ recogniser, vector net, rule ─▶ falls

What belongs here: the hours of the month, the ways to find falls in them, and their
record and report. Motion and errors come from ``simulation`` and ``poses``.
"""
